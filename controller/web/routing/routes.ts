/** Which view an address shows. */
export type Route =
  | { readonly page: 'start' }
  | { readonly page: 'fleet' }
  | { readonly page: 'own' }
  | { readonly page: 'host'; readonly name: string }
  | { readonly page: 'vm'; readonly uuid: string }
  | { readonly page: 'array'; readonly key: string }
  | { readonly page: 'alerts' }
  | { readonly page: 'capacity' }
  | { readonly page: 'alert'; readonly number: number }
  | { readonly page: 'commands' }
  | { readonly page: 'command'; readonly number: number }
  | { readonly page: 'plans' }
  | { readonly page: 'plan'; readonly number: number }
  | { readonly page: 'audit' }
  | { readonly page: 'settings' }
  | { readonly page: 'unknown'; readonly path: string }

const number = /^[1-9]\d{0,8}$/

export function parseRoute(path: string): Route {
  const [kind, encoded, ...more] = path.split('/').filter((part) => part !== '')
  if (kind === undefined) return { page: 'start' }
  if (kind === 'alerts' && encoded === undefined) return { page: 'alerts' }
  if (kind === 'fleet' && encoded === undefined) return { page: 'fleet' }
  if (kind === 'own' && encoded === undefined) return { page: 'own' }
  if (kind === 'commands' && encoded === undefined) return { page: 'commands' }
  if (kind === 'plans' && encoded === undefined) return { page: 'plans' }
  if (kind === 'settings' && encoded === undefined) return { page: 'settings' }
  if (kind === 'audit' && encoded === undefined) return { page: 'audit' }
  if (kind === 'capacity' && encoded === undefined) return { page: 'capacity' }
  const name = encoded === undefined || more.length > 0 ? undefined : decoded(encoded)
  if (name !== undefined) {
    if (kind === 'hosts') return { page: 'host', name }
    if (kind === 'vms') return { page: 'vm', uuid: name }
    if (kind === 'arrays') return { page: 'array', key: name }
    if (kind === 'alerts' && number.test(name)) return { page: 'alert', number: Number(name) }
    if (kind === 'plans' && number.test(name)) return { page: 'plan', number: Number(name) }
    if (kind === 'commands' && number.test(name)) return { page: 'command', number: Number(name) }
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

/** What one comes for: the fleet, or an owner's own VMs. */
export const startPath = '/'
export const ownPath = '/own'
/** For those whose start it is, the fleet is the start. */
export const fleetPath = '/fleet'
export const alertsPath = '/alerts'
export const capacityPath = '/capacity'
export const commandsPath = '/commands'
export const plansPath = '/plans'
export const auditPath = '/audit'
export const settingsPath = '/settings'

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

export function commandPath(number: number): string {
  return `${commandsPath}/${number}`
}

export function planPath(number: number): string {
  return `${plansPath}/${number}`
}
