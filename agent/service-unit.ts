import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

/** The service, and its user. */
const unit = 'headroom-agent'
const unitFile = `/etc/systemd/system/${unit}.service`
/** What the unit names; see deploy/systemd. */
const unitConfig = '/etc/headroom/agent.yaml'
const deadlineMs = 30_000

/** The systemd service of an agent that deploy/install.sh installed. */
export interface ServiceUnit {
  /** Names of all groups that its user has there. */
  groups(): Promise<readonly string[]>
  /**
   * Starts it now and at each boot. One that runs already is left alone or, with `anew`, started anew.
   * @throws Error with what systemctl says
   */
  start(anew: boolean): Promise<void>
}

/** The service that runs with this configuration, if this process may start it. */
export function findServiceUnit(configFile: string): ServiceUnit | undefined {
  const installed = existsSync(unitFile) && resolve(configFile) === unitConfig
  // Where systemd does not run, as in an image that is being built, there is nothing to start.
  if (!installed || process.geteuid?.() !== 0 || !existsSync('/run/systemd/system')) return undefined
  return {
    async groups() {
      const own = await run('id', ['--groups', '--name', unit])
      const given = await run('systemctl', ['show', '--property=SupplementaryGroups', '--value', unit])
      return `${own} ${given}`.split(/\s+/).filter((name) => name !== '')
    },
    async start(anew) {
      await run('systemctl', ['--quiet', 'enable', unit])
      await run('systemctl', [anew ? 'restart' : 'start', unit])
    },
  }
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], { timeout: deadlineMs })
  return stdout
}
