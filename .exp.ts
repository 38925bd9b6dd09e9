import { readFileSync } from 'node:fs'
import { deserialize } from 'node:v8'
import { decodeChunk, encodeChunk } from './controller/store/embedded/chunk-codec.js'
import { ColumnBlock } from './controller/store/embedded/column-block.js'
const KIB = process.argv[2] === 'kib'
const pts = deserialize(readFileSync('/tmp/exp/points.bin'))
const by = new Map<string, any[]>()
for (const [id, at, f] of pts) {
  const k = id + Math.floor(at / 3600000)
  if (!by.has(k)) by.set(k, [])
  by.get(k)!.push([at, f])
}
const chunks = [...by.values()].filter((c) => c.length > 300)
let bytes = 0,
  n = 0,
  enc = 0,
  dec = 0
const per: Record<string, number> = {}
for (let rep = 0; rep < 20; rep++)
  for (const c of chunks) {
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
          if (KIB && /^memory/.test(k))
            v = Math.floor(v / (k === 'memoryRssBytes' ? 4096 : 1024)) * (k === 'memoryRssBytes' ? 4096 : 1024)
          return v
        }),
      )
    }
    const cu = process.cpuUsage()
    const t = performance.now()
    const b = encodeChunk(block, 0, block.length)
    enc += performance.now() - t
    const t2 = performance.now()
    decodeChunk(b)
    dec += performance.now() - t2
    if (rep) continue
    bytes += b.length
    n += c.length
    for (const [i, name] of names.entries()) {
      const one = ColumnBlock.of(block.times(0, block.length), new Map([[i, block.column(i, 0, block.length)!]]))
      per[name] = (per[name] ?? 0) + encodeChunk(one, 0, one.length).length
    }
    per['times'] =
      (per['times'] ?? 0) + encodeChunk(ColumnBlock.of(block.times(0, block.length), new Map()), 0, block.length).length
  }
for (const k in per) console.log(k.padEnd(28), ((per[k]! - (k === 'times' ? 0 : per['times']!)) / n).toFixed(2))
console.log('B/pt', bytes / n, 'enc ms/chunk', enc / chunks.length / 20, 'dec', dec / chunks.length / 20)
