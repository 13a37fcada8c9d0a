// The verbs of an engine's program, as in verbs.py; counters and instants go to the same file as in slots.py.
import { openSync, writeSync } from 'node:fs'

export const URL = process.env.BENCH_URL
const WORKERS = 8
const LINE = 64
const TABLE = WORKERS * LINE
const IN_ONE_CALL = 1000

const file = process.env.BENCH_SLOTS ? openSync(process.env.BENCH_SLOTS, 'r+') : -1
const mine = Number(process.env.BENCH_WORKER ?? 0) * LINE
const word = Buffer.alloc(8)

function put (value, at) {
  word.writeBigUInt64LE(value)
  writeSync(file, word, 0, 8, at)
}

let count = 0
let isPending = false

// Node maps no files: the counter is written once per turn of its loop, which costs it less than others' mapped words.
export function bump (n) {
  if (n >= 0) put(process.hrtime.bigint(), TABLE + 16 * n + 8)
  count++
  if (!isPending) {
    isPending = true
    setImmediate(() => {
      isPending = false
      put(BigInt(count), mine)
    })
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6 }
const now = () => Number(process.hrtime.bigint()) / 1e9

async function produce (engine, verb, total) {
  await engine.open()
  await engine.many([-1])
  const begun = now()
  const used = cpu()
  if (verb === 'single') {
    for (let i = 1; i < total; i++) await engine.one(-1)
  } else {
    for (let i = 1; i < total; i += IN_ONE_CALL) await engine.many(Array(Math.min(IN_ONE_CALL, total - i)).fill(-1))
  }
  console.log(JSON.stringify({ seconds: now() - begun, cpu: cpu() - used, jobs: total - 1 }))
  await engine.close()
}

async function probe (engine, total, seconds) {
  await engine.open()
  const begun = now()
  const used = cpu()
  let done = 0
  while (done < total && now() - begun < seconds) {
    put(process.hrtime.bigint(), TABLE + 16 * done)
    await engine.one(done)
    done++
    await pause(30 + 27 * Math.random())
  }
  console.log(JSON.stringify({ seconds: now() - begun, cpu: cpu() - used, jobs: done }))
  await engine.close()
}

export async function serve (engine) {
  const [verb, first, second] = process.argv.slice(2)
  if (verb === 'setup') await engine.setup()
  else if (verb === 'single' || verb === 'bulk') await produce(engine, verb, Number(first))
  else if (verb === 'latency') await probe(engine, Number(first), Number(second ?? 3600))
  else if (verb === 'worker') await engine.work(bump)
  else throw new Error(`unknown verb ${verb}`)
}
