"""Which test produces each kind of entry in the ledger; `tests/db/test_event_kinds.py` says what is held to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROOFS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "test_access": {
        "test_a_rotated_key_is_good_until_its_overlap_is_over": (
            "key.rotated",
            "login.refused",
        ),
        "test_a_suspended_tenant_is_closed_and_nothing_of_it_runs": (
            "lane.blocked",
            "lane.released",
            "pause.lifted",
            "pause.set",
            "tenant.reactivated",
            "tenant.suspended",
        ),
        "test_a_tenant_is_renamed_by_its_version_never_deleted_and_the_instance_never_suspended": ("tenant.renamed",),
        "test_the_last_admin_stays": ("key.revoked",),
    },
    "test_adaptation": {
        "test_a_complaint_stops_the_other_jobs_of_its_host_and_shows_why": (
            "bucket.adapted",
            "job.snoozed",
        ),
    },
    "test_admission": {
        "test_a_full_queue_takes_no_replay_and_the_ledger_tells_of_it": (
            "allocation.set",
            "enqueue.refused",
            "job.replayed",
        ),
        "test_a_job_that_only_waits_for_its_time_needs_no_room_to_run_now": ("job.hastened",),
    },
    "test_api_artifacts": {
        "test_a_download_under_way_goes_on_and_a_later_one_is_not_found": ("export.deleted",),
    },
    "test_api_dead_letters": {
        "test_a_letter_is_closed_once_and_the_ledger_keeps_who_and_that_there_was_a_reason": (
            "job.requeued",
            "letter.discarded",
            "letter.resolved",
        ),
    },
    "test_api_holds": {
        "test_what_is_done_with_a_hold_stands_in_the_ledger_without_its_words": (
            "export.delete_refused",
            "hold.lifted",
            "hold.placed",
        ),
    },
    "test_api_jobs": {
        "test_a_prioritised_job_is_claimed_first": ("job.prioritised",),
    },
    "test_api_limits": {
        "test_a_blackout_ends_by_itself": ("blackout.set",),
        "test_a_retry_policy_is_set_seen_and_reset": (
            "retry_policy.reset",
            "retry_policy.set",
        ),
        "test_an_allocation_is_set_by_the_instance_and_seen_by_its_tenant": ("allocation.reset",),
    },
    "test_api_links": {
        "test_revoking_ends_every_link_at_once_and_new_ones_hold": (
            "export.link_made",
            "links.revoked",
            "policy.denied",
        ),
    },
    "test_api_policies": {
        "test_revisions_are_kept_activated_taken_back_and_switched_off": (
            "policy.deactivated",
            "policy.rolled_back",
        ),
    },
    "test_api_preconditions": {
        "test_a_program_that_names_no_version_writes_over_what_is_there": (
            "destination.set",
            "retention.set",
            "schedule.set",
            "source.deleted",
            "webhook.changed",
            "webhook.created",
        ),
    },
    "test_api_profiles": {
        "test_a_preview_shows_what_becomes_of_each_row": ("profile.previewed",),
        "test_a_rollback_goes_back_to_what_was_active_before": ("profile.rolled_back",),
    },
    "test_api_retention_rules": {
        "test_a_shorter_rule_that_is_applied_lets_the_sweep_take_what_is_over": ("retention.applied",),
        "test_changes_of_rules_stand_in_the_ledger": ("retention.dropped",),
    },
    "test_api_runs": {
        "test_a_part_of_a_run_is_done_again": (
            "run.cancel_requested",
            "run.cancelled",
        ),
    },
    "test_api_schedules": {
        "test_a_schedule_is_written_read_changed_and_removed": ("schedule.deleted",),
    },
    "test_approvals": {
        "test_a_rejected_export_is_cancelled_and_asks_again_when_it_is_tried_again": (
            "approval.approved",
            "approval.rejected",
            "approval.requested",
            "export.cancelled",
            "job.unblocked",
            "policy.activated",
            "policy.revised",
        ),
        "test_one_that_nobody_decides_on_is_cancelled_in_time": ("approval.expired",),
    },
    "test_batches": {
        "test_the_history_of_a_job_tells_of_its_batches_and_its_attempts": (
            "job.released",
            "jobs.completed",
            "jobs.started",
        ),
    },
    "test_bundles": {
        "test_a_ledger_that_was_changed_gives_no_bundle": ("bundle.failed",),
        "test_who_asked_and_who_took_it_stands_in_the_ledger": (
            "bundle.completed",
            "bundle.downloaded",
            "bundle.requested",
        ),
    },
    "test_call_quotas": {
        "test_calls_over_the_quota_are_refused_whatever_they_ask": (
            "call_quota.dropped",
            "call_quota.set",
        ),
    },
    "test_configuration": {
        "test_settings_are_told_when_they_change_and_not_again": ("configuration.changed",),
    },
    "test_destinations": {
        "test_a_delivery_can_be_cancelled_and_leaves_nothing": ("delivery.cancelled",),
        "test_refused_keys_end_in_a_dead_letter_and_the_upload_is_removed": ("delivery.failed",),
    },
    "test_destinations_resource": {
        "test_a_destination_is_not_deleted_while_something_is_on_its_way_there": (
            "delivery.delivered",
            "delivery.requested",
            "destination.deleted",
        ),
    },
    "test_event_kinds": {
        "test_a_call_of_a_webhook_that_is_stopped_is_told_in_the_ledger": ("webhook.cancelled",),
        "test_a_job_whose_time_has_come_is_told_in_the_ledger": ("job.promoted",),
        "test_a_member_that_is_changed_and_removed_is_told_in_the_ledger": (
            "member.added",
            "member.changed",
            "member.removed",
        ),
        "test_a_provider_that_is_believed_no_more_is_told_in_the_ledger": (
            "identity_provider.deleted",
            "identity_provider.set",
        ),
        "test_a_running_export_that_is_to_stop_is_told_in_the_ledger": (
            "export.cancel_requested",
            "job.cancel_requested",
        ),
    },
    "test_history": {
        "test_attempts_leases_and_closed_letters_go_with_it": ("history.pruned",),
    },
    "test_ledger_epochs": {
        "test_after_a_restore_nothing_is_signed_until_it_is_adopted": (
            "ledger.epoch_opened",
            "ledger.restore_adopted",
        ),
    },
    "test_ledger_extract": {
        "test_who_took_it_stands_in_the_ledger": ("ledger.extracted",),
    },
    "test_ledger_pruning": {
        "test_what_is_old_goes_and_every_proof_stays": ("ledger.pruned",),
    },
    "test_ledger_store": {
        "test_a_system_transaction_names_the_tenant": ("job.rescued",),
    },
    "test_limits": {
        "test_a_host_that_fails_is_left_alone_then_probed_by_one": (
            "breaker.closed",
            "breaker.opened",
        ),
        "test_every_limit_and_every_stop_is_in_the_ledger": (
            "bucket.dropped",
            "bucket.set",
            "quota.dropped",
            "quota.set",
        ),
    },
    "test_logins": {
        "test_a_provider_may_change_its_keys_and_be_away_for_a_while": ("member.joined",),
    },
    "test_parts": {
        "test_a_source_that_is_sent_elsewhere_between_parts_fails_the_export_and_its_retry_reads_all_there": (
            "artifact.published",
            "export.completed",
            "export.created",
            "export.failed",
            "export.part_completed",
            "export.parts_planned",
            "export.parts_reopened",
            "export.retried",
            "export.split",
            "export.stage_completed",
            "export.stage_started",
            "export.started",
            "job.cancelled",
            "job.claimed",
            "job.completed",
            "job.dead",
            "job.enqueued",
            "job.started",
            "jobs.enqueued",
            "jobs.unblocked",
            "key.created",
            "letter.requeued",
            "profile.activated",
            "profile.revised",
            "run.completed",
            "run.created",
            "run.failed",
            "run.failing",
            "source.registered",
            "tenant.created",
        ),
    },
    "test_privacy": {
        "test_erasing_takes_the_words_and_leaves_every_proof": ("privacy.erased",),
    },
    "test_retention_keeping": {
        "test_a_download_that_nobody_renews_any_more_keeps_nothing_and_is_told_as_cut": (
            "artifact.collected",
            "artifact.tombstoned",
            "export.download_cut",
            "export.downloaded",
            "export.expired",
        ),
    },
    "test_retries": {
        "test_a_retry_without_budget_is_parked_and_no_attempt_is_lost_by_it": ("job.parked",),
    },
    "test_schedule_changes": {
        "test_a_paused_schedule_stands_still_and_tells_afterwards_what_it_left_out": (
            "schedule.fired",
            "schedule.paused",
            "schedule.resumed",
            "schedule.skipped",
        ),
        "test_new_rules_of_a_zone_move_the_next_slot_and_the_ledger_knows": ("schedule.replanned",),
    },
    "test_schedules": {
        "test_a_slot_waits_for_the_work_of_another": ("schedule.waiting",),
        "test_work_that_can_not_be_made_fails_its_slot_and_no_other": ("schedule.failed",),
    },
    "test_signing_keys": {
        "test_a_revoked_key_is_believed_for_what_each_tenant_had_then": (
            "signing_key.made",
            "signing_key.revoked",
            "signing_key.rotated",
        ),
    },
    "test_webhooks": {
        "test_a_message_is_told_again_on_request_and_a_test_at_any_time": (
            "webhook.redelivered",
            "webhook.tested",
        ),
        "test_a_webhook_that_failed_for_days_is_disabled_and_goes_on_when_it_is_enabled": (
            "job.retried",
            "webhook.delivered",
            "webhook.disabled",
            "webhook.failed",
        ),
        "test_both_secrets_sign_while_one_takes_the_place_of_the_other": ("webhook.rotated",),
        "test_only_admins_change_webhooks_and_at_the_version_they_read": ("webhook.deleted",),
    },
}
"""Files and tests below tests/db, with the kinds that each test leaves in its database."""


def kinds_of(node: str) -> tuple[str, ...]:
    """Return the kinds that a test is named for, by its id."""
    file, _, test = node.partition("::")
    return PROOFS.get(file.removeprefix("tests/db/").removesuffix(".py"), {}).get(test, ())
