import type { MachineFiles } from '../host/machine-files.js'
import type { ArrayFacts, ArrayRaw } from '../hypervisor/hypervisor.js'

/**
 * Adds how full the stripe cache of md arrays with parity is: writes wait while it is full (Documentation/admin-guide/md.rst of the
 * kernel, `stripe_cache_size` and `stripe_cache_active`). Other levels have none.
 */
export function withStripeCaches(
  told: readonly ArrayRaw[],
  facts: readonly ArrayFacts[],
  sysRoot: string,
  files: Pick<MachineFiles, 'readIfThere'>,
): readonly ArrayRaw[] {
  const devices = new Map(facts.filter(({ kind }) => kind === 'md').map(({ key, name }) => [key, name]))
  if (devices.size === 0) return told
  return told.map((array) => {
    const device = devices.get(array.key)
    if (device === undefined || !/^md[\w.-]{1,60}$/.test(device)) return array
    const count = (name: string): number | undefined => {
      const text = files.readIfThere(`${sysRoot}/block/${device}/md/${name}`)?.trim() ?? ''
      return /^\d{1,9}$/.test(text) ? Number(text) : undefined
    }
    const [active, size] = [count('stripe_cache_active'), count('stripe_cache_size')]
    return active === undefined || size === undefined
      ? array
      : { ...array, stripeCacheActive: active, stripeCacheSize: size }
  })
}
