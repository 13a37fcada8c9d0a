// pg-boss: batches of 100 fetched without a pause while they come back full, LISTEN/NOTIFY on, finished jobs kept.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { URL, serve } from './verbs.mjs'

const require = createRequire(`${process.env.BENCH_MODULES}/`)
const { PgBoss } = await import(pathToFileURL(require.resolve('pg-boss')))
const QUEUE = 'noop'

let boss
async function start (options) {
  boss = new PgBoss({ connectionString: URL, ...options })
  boss.on('error', (error) => console.error(String(error)))
  await boss.start()
}

await serve({
  async setup () {
    await start({ supervise: false, schedule: false })
    await boss.createQueue(QUEUE, { notify: true })
    await boss.stop({ graceful: false })
  },
  async open () { await start({ supervise: false, schedule: false }) },
  async one (n) { await boss.send(QUEUE, { n }) },
  async many (numbers) { await boss.insert(QUEUE, numbers.map((n) => ({ data: { n } }))) },
  async close () { await boss.stop({ graceful: false }) },
  async work (bump) {
    await start({ useListenNotify: true })
    const options = { batchSize: 100, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
    await boss.work(QUEUE, options, async (jobs) => { for (const job of jobs) bump(job.data.n) })
    process.on('SIGTERM', () => { boss.stop({ graceful: false }).then(() => process.exit(0)) })
    await new Promise(() => {})
  }
})
