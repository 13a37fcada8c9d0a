// Graphile Worker, as its own performance test runs it: local queue of 500, 24 concurrent jobs, completions batched
// without delay, refetch delay of 10 ms.  It deletes finished jobs.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { URL, serve } from './verbs.mjs'

const require = createRequire(`${process.env.BENCH_MODULES}/`)
const { Logger, makeWorkerUtils, run } = await import(pathToFileURL(require.resolve('graphile-worker')))
const logger = new Logger(() => (level, message) => { if (level === 'error') console.error(message) })

let utils
await serve({
  async setup () {
    const made = await makeWorkerUtils({ connectionString: URL, logger })
    await made.migrate()
    await made.release()
  },
  async open () { utils = await makeWorkerUtils({ connectionString: URL, logger }) },
  async one (n) { await utils.addJob('noop', { n }) },
  async many (numbers) { await utils.addJobs(numbers.map((n) => ({ identifier: 'noop', payload: { n } }))) },
  async close () { await utils.release() },
  async work (bump) {
    const runner = await run({
      taskList: { noop: async (payload) => bump(payload.n) },
      preset: {
        worker: {
          connectionString: URL,
          logger,
          concurrentJobs: 24,
          maxPoolSize: 10,
          localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0
        }
      }
    })
    await runner.promise
  }
})
