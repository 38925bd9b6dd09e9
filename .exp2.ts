import { readFileSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { decodeChunk, encodeChunk } from './controller/store/embedded/chunk-codec.js'
import { ColumnBlock } from './controller/store/embedded/column-block.js'
const pts = deserialize(readFileSync('/tmp/exp/points.bin'))
const by = new Map<string, any[]>()
for (const [id, at, f] of pts) {
  const k = id + Math.floor(at / 3600000)
  if (!by.has(k)) by.set(k, [])
  by.get(k)!.push([at, f])
}
const blocks = [...by.values()]
  .filter((c) => c.length > 300)
  .map((c) => {
    const block = new ColumnBlock()
    const names = [...new Set(c.flatMap(([, f]) => Object.keys(f)))]
    for (const [at, f] of c) {
      const ks = Object.keys(f)
      block.put(
        at,
        ks.map((k) => names.indexOf(k)),
        ks.map((k) => {
          let v = f[k]
          if (/Cores|Fraction|Ms$/.test(k)) v = Math.round(v * 1e6) / 1e6
          return v
        }),
      )
    }
    return block
  })
const cpu = () => (process.threadCpuUsage ? process.threadCpuUsage().user / 1000 : process.cpuUsage().user / 1000)
let bufs: Buffer[] = []
for (let rep = 0; rep < 6; rep++) {
  const a = cpu()
  bufs = blocks.map((b) => encodeChunk(b, 0, b.length))
  const b = cpu()
  for (const x of bufs) decodeChunk(x)
  const c = cpu()
  for (const x of bufs) decodeChunk(x, new Set([3]))
  const d = cpu()
  console.log(
    'enc',
    ((b - a) / blocks.length).toFixed(3),
    'dec',
    ((c - b) / blocks.length).toFixed(3),
    'dec1',
    ((d - c) / blocks.length).toFixed(3),
    'ms',
  )
}
