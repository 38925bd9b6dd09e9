import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { propertyOf } from '../../common/property-of.js'
import { quoted, type Leftover } from './leftovers.js'

const execute = promisify(execFile)

export type Role = 'controller' | 'agent'

const configurationDirectory = '/etc/headroom'
const units = '/etc/systemd/system'
/** Where the services keep their state. */
export const stateDirectories = { controller: '/var/lib/headroom', agent: '/var/lib/headroom-agent' } as const
export const controllerConfigFile = `${configurationDirectory}/controller.yaml`

/** Which services are installed on this machine. */
export function installedRoles(): readonly Role[] {
  return (['controller', 'agent'] as const).filter((role) => existsSync(join(units, `headroom-${role}.service`)))
}

/** Of the agent on this machine; undefined if there is none, or if it has not joined. */
export function ownAgentId(data: string): string | undefined {
  return agentIdIn(join(data, 'agent')) ?? agentIdIn(stateDirectories.agent)
}

function agentIdIn(directory: string): string | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, 'identity.json'), 'utf8'))
    const id = propertyOf(value, 'agentId')
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

/**
 * Configuration files that an export is to hold, by name in it: those of this machine but for what may be secret, and further ones.
 * @param others such as a policy elsewhere
 */
export function configurationFiles(others: readonly string[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const name of namesIn(configurationDirectory))
    if (/\.ya?ml$/.test(name)) files.set(name, join(configurationDirectory, name))
  for (const role of ['controller', 'agent'] as const) {
    const directory = join(units, `headroom-${role}.service.d`)
    for (const name of namesIn(directory))
      files.set(join('systemd', `headroom-${role}.service.d`, name), join(directory, name))
  }
  const known = new Set(files.values())
  for (const path of others) {
    if (known.has(path) || !existsSync(path)) continue
    const name = path.split('/').at(-1) ?? path
    files.set(files.has(name) ? `other-${name}` : name, path)
  }
  return files
}

/** What of this program is there still. `data`: a controller's data directory, which may be elsewhere. */
export function remaining(data: string): Leftover[] {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const found: Leftover[] = []
  for (const [role, path] of Object.entries(stateDirectories)) {
    const user = `headroom-${role}`
    const commands = [
      ...(existsSync(path) ? [`rm -r ${path}`] : []),
      ...(users.some((line) => line.startsWith(`${user}:`)) ? [`userdel ${user}`] : []),
    ]
    if (commands.length > 0)
      found.push({ what: `state of the ${role} in ${path}, and its user`, command: commands.join('; ') })
  }
  const isElsewhere = !Object.values(stateDirectories).some((path) => path === data)
  if (isElsewhere && existsSync(join(data, 'controller', 'state.db')))
    found.push({ what: `state in ${data}; stop what uses it first`, command: `rm -r ${quoted(data)}` })
  if (existsSync(configurationDirectory)) {
    const names = readdirSync(configurationDirectory).join(', ')
    found.push({
      what: `configuration in ${configurationDirectory}: ${names}`,
      command: `rm -r ${configurationDirectory}`,
    })
  }
  return found
}

/** Whether anything is there that the script removes. */
export function isInstalled(prefix = '/usr/local'): boolean {
  const places = [join(prefix, 'lib/headroom'), ...Object.values(stateDirectories), configurationDirectory]
  return installedRoles().length > 0 || places.some((path) => existsSync(path))
}

/** A controller that runs as a service was stopped; what starts it again. Undefined: it did not run so. */
export async function stopController(): Promise<(() => Promise<void>) | undefined> {
  if (!existsSync('/run/systemd/system')) return undefined
  const unit = 'headroom-controller.service'
  const isActive = await execute('systemctl', ['is-active', '--quiet', unit]).then(
    () => true,
    () => false,
  )
  if (!isActive) return undefined
  await execute('systemctl', ['stop', unit])
  return async () => {
    await execute('systemctl', ['start', unit])
  }
}

export interface UninstallOrder {
  /** All if empty. */
  readonly roles: readonly Role[]
  readonly prefix: string | undefined
  /** State, edited configuration and users as well. */
  readonly purge: boolean
  readonly dryRun: boolean
}

/**
 * Runs the script that removes what install.sh installed; gives what it said.
 * @throws UninstallError with what it said where it failed
 */
export async function uninstall({ roles, prefix, purge, dryRun }: UninstallOrder): Promise<readonly string[]> {
  const script = uninstallScript()
  const words = [
    script,
    ...roles.map((role) => `--${role}`),
    ...(prefix === undefined ? [] : ['--prefix', prefix]),
    ...(purge ? ['--purge'] : []),
    ...(dryRun ? ['--dry-run'] : []),
  ]
  try {
    const { stdout } = await execute('sh', words, { cwd: '/', maxBuffer: 2 ** 24 })
    return stdout.split('\n').filter((line) => line !== '')
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new UninstallError(said === '' ? String(error) : said, script, { cause: error })
  }
}

export class UninstallError extends Error {
  override readonly name = 'UninstallError'
  constructor(
    message: string,
    readonly script: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** In the package around this program, two folders up in the sources, three in what is built. */
function uninstallScript(): string {
  const places = ['../../deploy/uninstall.sh', '../../../deploy/uninstall.sh'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  )
  return places.find((place) => existsSync(place)) ?? places[0] ?? ''
}

function namesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory).filter((name) => statSync(join(directory, name)).isFile())
}
