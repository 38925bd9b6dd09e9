/** What the LUNs of an array of the lab lie on. */
export type ArrayKind =
  /** Plain files of this machine. */
  | { readonly kind: 'plain' }
  /** The write cache of write-back.c in front of slow disks; parameters as it takes them. */
  | { readonly kind: 'write-back'; readonly parameters: string }
  /** nbdkit's rate filter: what a bucket of tokens lets through, both ways and whatever it is. */
  | { readonly kind: 'rate'; readonly bytesPerSecond: number; readonly burstSeconds: number }

const units = { kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

export const arrayKindForms =
  'plain, write-back[:cache=200MB,drain=8MB,destage=always|watermark|idle|bursts,…], rate[:rate=8MB,burst=4]'

/**
 * `plain`, `write-back:cache=200MB,drain=8MB,destage=watermark,high=0.8`, `rate:rate=8MB,burst=4` (seconds). Sizes and rates
 * are bytes (a second) with an optional unit.
 * @throws RangeError that says what was expected
 */
export function parseArrayKind(text: string): ArrayKind {
  const [, kind, rest = ''] = /^([\w-]+)(?::(.*))?$/.exec(text) ?? []
  const pairs = rest === '' ? [] : rest.split(',').map((pair) => plainPair(text, pair))
  switch (kind) {
    case 'plain':
      if (pairs.length > 0) break
      return { kind }
    case 'write-back':
      return { kind, parameters: pairs.map((pair) => pair.join('=')).join(',') }
    case 'rate': {
      const { rate = '8000000', burst = '4', ...others } = Object.fromEntries(pairs)
      const [bytesPerSecond, burstSeconds] = [Number(rate), Number(burst)]
      if (Object.keys(others).length > 0 || !(bytesPerSecond > 0) || !(burstSeconds > 0)) break
      return { kind, bytesPerSecond, burstSeconds }
    }
    case undefined:
    default:
  }
  throw new RangeError(`array: expected ${arrayKindForms}, got ${text}`)
}

function plainPair(all: string, pair: string): readonly [key: string, value: string] {
  const [, key, number, unit] = /^(\w+)=(?:(\d+(?:\.\d+)?)(kB|MB|GB|KiB|MiB|GiB)?|[a-z]+)$/.exec(pair) ?? []
  if (key === undefined) throw new RangeError(`array: expected KEY=VALUE, got ${pair} in ${all}`)
  if (number === undefined) return [key, pair.slice(key.length + 1)]
  const factor = Object.entries(units).find(([name]) => name === unit)?.[1] ?? 1
  return [key, String(Number(number) * factor)]
}
