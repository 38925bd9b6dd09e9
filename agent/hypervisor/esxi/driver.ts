import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Log } from '../../../common/log.js'
import { HypervisorDenied, HypervisorUnavailable, type Hypervisor } from '../hypervisor.js'
import { EsxiHypervisor } from './esxi-hypervisor.js'
import { hostIdentityPaths, hostIn, type EsxiHostFacts } from './host-facts.js'
import { HttpsChannel, type Trust } from './https-channel.js'
import { readAll } from './properties.js'
import { RefusedLogin } from './refused-login.js'
import { VsphereSession } from './session.js'
import { Site } from './site.js'
import { loadTotals } from './totals-file.js'
import { VmWatch } from './vm-watch.js'

export interface EsxiOptions {
  /** `https://host/sdk`, of an ESXi host or a vCenter. */
  readonly url: URL
  readonly user: string
  /** The first line is the password. Read for each login; never logged. */
  readonly passwordFile: string
  /** Kept by whoever opens it again and again; of this time only if absent. */
  readonly refused?: RefusedLogin
  readonly trust: Trust
  /** Where the totals of each host are kept. */
  readonly dataDir: string
  /** May act on the VMs; only reads if absent. */
  readonly control?: boolean
  readonly log: Log
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** For a call; default 15 s. */
  readonly deadlineMs?: number
  /** How long a call for changes waits; default 20 s. */
  readonly maxWaitMs?: number
}

const openingDeadlineMs = 45_000

/**
 * Connects to an ESXi host or a vCenter: one hypervisor for each of its hosts, all on one login, which ends when
 * the last of them is closed. Hosts that join a vCenter later are seen when the agent starts again.
 * @throws HypervisorDenied (certificate, login), HypervisorUnavailable if the first connection fails
 */
export async function openEsxi(options: EsxiOptions): Promise<readonly Hypervisor[]> {
  const { url, user, refused = new RefusedLogin(), log, now, trust, deadlineMs } = options
  const channel = new HttpsChannel(url, trust)
  const session = new VsphereSession({
    channel,
    user,
    readPassword: () => readPassword(options.passwordFile),
    refused,
    now,
    log,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  })
  const stop = new AbortController()
  try {
    const hosts = await readHosts(session)
    const open = new OpenSite(options, new Site(session, now, log), stop)
    return await open.open(hosts)
  } catch (error) {
    stop.abort()
    await session.close()
    throw error
  }
}

async function readPassword(file: string): Promise<string> {
  let mode: number
  let line: string | undefined
  try {
    mode = (await stat(file)).mode
    line = (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0]
  } catch (error) {
    throw new HypervisorDenied(`the password file ${file} cannot be read`, { cause: error })
  }
  // As ssh does with keys; a group may be how the service gets at it.
  if ((mode & 0o007) !== 0) {
    throw new HypervisorDenied(`others may read ${file} (mode ${(mode & 0o777).toString(8)}): chmod o= it`)
  }
  if (line !== undefined && line !== '') return line
  throw new HypervisorDenied(`the password file ${file} is empty`)
}

async function readHosts(session: VsphereSession): Promise<readonly EsxiHostFacts[]> {
  const signal = AbortSignal.timeout(openingDeadlineMs)
  const query = { type: 'HostSystem', paths: hostIdentityPaths }
  const objects = await session.run(signal, (invoke, { content }) => readAll(invoke, content, query))
  const hosts = objects.flatMap((object) => hostIn(object) ?? [])
  if (hosts.length === 0) throw new HypervisorUnavailable('the server shows no host: may the account read it?')
  return hosts
}

/** The hosts of one server while they are read. */
class OpenSite {
  #hypervisors: readonly EsxiHypervisor[] = []
  #open = 0
  #watching: Promise<void> = Promise.resolve()

  constructor(
    private readonly options: EsxiOptions,
    private readonly site: Site,
    private readonly stop: AbortController,
  ) {}

  async open(hosts: readonly EsxiHostFacts[]): Promise<readonly Hypervisor[]> {
    const { dataDir, now, log, control: acts = false } = this.options
    const ids = hostIds(hosts)
    this.#hypervisors = await Promise.all(
      hosts.map(async (host) => {
        const hostId = ids.get(host.id) ?? host.id
        const totalsPath = join(dataDir, `esxi-${hostId}.json`)
        const kept = await loadTotals(totalsPath, log)
        return new EsxiHypervisor({
          site: this.site,
          host,
          hostId,
          kept,
          totalsPath,
          acts,
          now,
          log,
          onClose: () => this.#closed(),
        })
      }),
    )
    this.#open = this.#hypervisors.length
    await this.#follow()
    return this.#hypervisors
  }

  /** Follows the VMs from now on. @returns when they are known for the first time */
  #follow(): Promise<void> {
    const { maxWaitMs, log } = this.options
    const { site } = this
    return new Promise((resolve, reject) => {
      let isKnown = false
      const tooLong = setTimeout(
        () => reject(new HypervisorUnavailable('the server does not tell its VMs')),
        openingDeadlineMs,
      )
      const watch = new VmWatch({
        session: site.session,
        ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
        onVms: (vms) => {
          const before = site.vms
          site.vms = vms
          if (isKnown) for (const one of this.#hypervisors) one.changed(before, vms)
          isKnown = true
          clearTimeout(tooLong)
          resolve()
        },
        onLost: (error) => {
          const message = error instanceof Error ? error.message : String(error)
          log.warn({ reason: message }, 'the vSphere server is lost')
          for (const one of this.#hypervisors) one.tell('hypervisor-lost', message)
          // Not known at all: who opened it hears why.
          clearTimeout(tooLong)
          reject(error instanceof Error ? error : new HypervisorUnavailable(message))
        },
        onBack: () => {
          log.info('the vSphere server is back')
          for (const one of this.#hypervisors) one.tell('hypervisor-back', this.options.url.host)
        },
      })
      this.#watching = watch.run(this.stop.signal)
    })
  }

  async #closed(): Promise<void> {
    this.#open -= 1
    if (this.#open > 0) return
    this.stop.abort()
    await this.#watching
    await this.site.session.close()
  }
}

/** The machine's UUID; where there is none, or another host has the same, what the server calls the host. */
function hostIds(hosts: readonly EsxiHostFacts[]): ReadonlyMap<string, string> {
  const taken = new Set<string>()
  return new Map(
    hosts.map((host) => {
      const id =
        host.uuid !== undefined && !taken.has(host.uuid)
          ? host.uuid
          : `esxi-${host.id.replaceAll(/[^\w.-]/g, '_')}`.slice(0, 64)
      taken.add(id)
      return [host.id, id] as const
    }),
  )
}
