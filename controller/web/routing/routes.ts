/** Which view an address shows. */
export type Route =
  | { readonly page: 'fleet' }
  | { readonly page: 'host'; readonly name: string }
  | { readonly page: 'vm'; readonly uuid: string }
  | { readonly page: 'array'; readonly key: string }
  | { readonly page: 'alerts' }
  | { readonly page: 'capacity' }
  | { readonly page: 'alert'; readonly number: number }
  | { readonly page: 'unknown'; readonly path: string }

export function parseRoute(path: string): Route {
  const [kind, encoded, ...more] = path.split('/').filter((part) => part !== '')
  if (kind === undefined) return { page: 'fleet' }
  if (kind === 'alerts' && encoded === undefined) return { page: 'alerts' }
  if (kind === 'capacity' && encoded === undefined) return { page: 'capacity' }
  const name = encoded === undefined || more.length > 0 ? undefined : decoded(encoded)
  if (name !== undefined) {
    if (kind === 'hosts') return { page: 'host', name }
    if (kind === 'vms') return { page: 'vm', uuid: name }
    if (kind === 'arrays') return { page: 'array', key: name }
    if (kind === 'alerts' && /^[1-9]\d{0,8}$/.test(name)) return { page: 'alert', number: Number(name) }
  }
  return { page: 'unknown', path }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

export const fleetPath = '/'
export const alertsPath = '/alerts'
export const capacityPath = '/capacity'

export function hostPath(name: string): string {
  return `/hosts/${encodeURIComponent(name)}`
}

export function vmPath(uuid: string): string {
  return `/vms/${encodeURIComponent(uuid)}`
}

export function arrayPath(key: string): string {
  return `/arrays/${encodeURIComponent(key)}`
}

export function alertPath(number: number): string {
  return `${alertsPath}/${number}`
}
