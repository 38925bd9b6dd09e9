import { posix } from 'node:path'

import type { Log } from '../../../common/log.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { mountOf, mountsPaths, parseMounts } from '../../host/mounts.js'
import type { CollectorRunResult } from '../../host/run-collectors.js'
import type { ArrayFacts, ArrayRaw, Capability } from '../../hypervisor/hypervisor.js'
import type { Machine } from '../../schedule/host-loop.js'
import type { ArrayResolver } from '../array-resolver.js'
import { CanaryBeat } from './canary-beat.js'
import type { CanaryThread } from './canary-thread.js'

/** One entry of `canary` in agent.yaml. */
export interface CanarySetting {
  /** The array's key; or, as a path, where the array is mounted. */
  readonly on: string
  readonly file: string
}

export interface CanaryMachineOptions {
  readonly settings: readonly CanarySetting[]
  /** One that remembers nothing yet. */
  readonly createResolver: () => ArrayResolver
  readonly files: MachineFiles
  readonly procRoot: string
  readonly startThread: (file: string) => CanaryThread
  readonly monotonicMs: () => number
  readonly log: Log
}

/** The same machine with canaries on its arrays: each writes at the beat of the array counters. */
export function canaryMachine(machine: Machine, options: CanaryMachineOptions): Machine {
  const canaries = options.settings.map((setting) => new Canary(setting, options))
  const readings = (): Promise<readonly ArrayRaw[]> =>
    Promise.all(canaries.map((one) => one.beat())).then((all) => all.flat())
  return {
    ...machine,
    async sample(signal) {
      const { host, collectors } = await machine.sample(signal)
      return { host, collectors: [...collectors, ...canaries.map((one) => one.run)] }
    },
    async capabilities() {
      const own = await machine.capabilities()
      return [...own.filter(({ name }) => name !== 'canary'), canaryCapability(canaries)]
    },
    // What the canaries say first: it is of most use when all else hangs.
    async arrays(arrays) {
      const told = await readings()
      return withCanaries(await machine.arrays(arrays), told)
    },
    async ownArrays() {
      const facts = await Promise.all(canaries.map((one) => one.facts()))
      return [...((await machine.ownArrays?.()) ?? []), ...facts.flat()]
    },
    async close() {
      await machine.close?.()
      const ended = await Promise.all(canaries.map((one) => one.stop()))
      return ended.every(Boolean)
    },
  }
}

/** What canaries measured, with what else is known of the same arrays. Of two on one array the first counts. */
export function withCanaries(arrays: readonly ArrayRaw[], told: readonly ArrayRaw[]): readonly ArrayRaw[] {
  const byKey = new Map(arrays.map((array) => [array.key, array]))
  for (const one of told.toReversed()) byKey.set(one.key, { ...byKey.get(one.key), ...one })
  return [...byKey.values()]
}

function canaryCapability(canaries: readonly Canary[]): Capability {
  const problems = canaries.flatMap(({ problem }) => problem)
  const reason = problems.length === 0 ? 'of arrays that have one in agent.yaml' : problems.join('; ').slice(0, 250)
  // One that fails to write may write again at any moment.
  return { name: 'canary', support: canaries.some(({ isPlaced }) => isPlaced) ? 'degraded' : 'no', reason }
}

/** One canary: opened once it is known that its file is on the array that it is to speak for. */
class Canary {
  #beat: CanaryBeat
  #resolve: ArrayResolver
  readonly #thread: () => CanaryThread
  #started: CanaryThread | undefined
  #key: string | undefined
  #misplaced = ''
  #toldProblem = ''

  constructor(
    private readonly setting: CanarySetting,
    private readonly options: CanaryMachineOptions,
  ) {
    this.#thread = () => (this.#started ??= options.startThread(setting.file))
    this.#beat = this.#newBeat()
    this.#resolve = options.createResolver()
  }

  /** Why there are no figures of it. */
  get problem(): string[] {
    const problem = this.#misplaced === '' ? this.#beat.problem : this.#misplaced
    return problem === '' ? [] : [`${this.setting.file}: ${problem}`]
  }

  get isPlaced(): boolean {
    return this.#key !== undefined
  }

  get run(): CollectorRunResult {
    const [error = ''] = this.problem
    return { name: 'canary', durationSeconds: 0, success: error === '', error }
  }

  /** What its array is; nothing while that is not known. */
  async facts(): Promise<readonly ArrayFacts[]> {
    await this.#place()
    await this.#placeAnew()
    const { array } = await this.#ground()
    if (this.#key === undefined) return []
    return [array?.key === this.#key ? array : { key: this.#key, name: this.#key, kind: this.#key.split(':')[0] ?? '' }]
  }

  async beat(): Promise<readonly ArrayRaw[]> {
    // Known from the inventory on, which is read before all else.
    const key = this.#key
    if (key === undefined) return []
    const { seconds, overdueSeconds } = this.#beat.beat(this.options.monotonicMs())
    this.#say()
    return [
      {
        key,
        ...(seconds === undefined ? {} : { canarySeconds: seconds }),
        ...(overdueSeconds === undefined ? {} : { canaryOverdueSeconds: overdueSeconds }),
      },
    ]
  }

  async stop(): Promise<boolean> {
    return (await this.#started?.stop()) ?? true
  }

  /** Once placed it stays: where it is mounted is asked again only while it could not be told. */
  async #place(): Promise<void> {
    if (this.#key !== undefined) return
    const found = await this.#found()
    if ('misplaced' in found) this.#misplaced = found.misplaced
    else {
      this.#misplaced = ''
      this.#key = found.key
    }
    this.#say()
  }

  /**
   * A file system that was mounted again, or a volume that was made anew, may have another number: the writer refuses it. If it can be
   * seen that it is on the same array, a new writer takes it as it is.
   */
  async #placeAnew(): Promise<void> {
    if (this.#key === undefined || this.#beat.problem === '') return
    this.#resolve = this.options.createResolver()
    const found = await this.#found()
    if ('misplaced' in found || !found.isSeen || found.key !== this.#key) return
    if ((await this.#started?.stop()) === false) return
    this.#started = undefined
    this.#beat = this.#newBeat()
  }

  /** The array that its file is on, as far as that agrees with the setting; `isSeen`: not by the setting's word alone. */
  async #found(): Promise<{ readonly key: string; readonly isSeen: boolean } | { readonly misplaced: string }> {
    const { on, file } = this.setting
    const { key, array } = await this.#ground()
    const isSeen = array !== undefined && !isOpaque(key)
    if (on.startsWith('/')) {
      const mount = mountOf(file, parseMounts(await this.#mounts()))
      if (mount?.path !== posix.normalize(on).replace(/(?<=.)\/$/, ''))
        return { misplaced: `expected it on ${on}, which is not mounted; it is on ${mount?.path ?? 'nothing'}` }
      return array === undefined ? { misplaced: `it is not known which array ${on} is` } : { key, isSeen }
    }
    if (isSeen && key !== on) return { misplaced: `expected it on ${on}, it is on ${key}` }
    return { key: on, isSeen }
  }

  #ground(): ReturnType<ArrayResolver> {
    const { file } = this.setting
    return this.#resolve({ type: file.startsWith('/dev/') ? 'block' : 'file', source: file })
  }

  #newBeat(): CanaryBeat {
    return new CanaryBeat({ begin: () => this.#thread().begin(), ended: () => this.#thread().ended() })
  }

  async #mounts(): Promise<string> {
    for (const path of mountsPaths(this.options.procRoot)) {
      const text = await this.options.files.readFile(path).catch(() => undefined)
      if (text !== undefined) return text.toString('utf8')
    }
    return ''
  }

  /** Once each time it changes. */
  #say(): void {
    const [problem = ''] = this.problem
    if (problem === this.#toldProblem) return
    this.#toldProblem = problem
    if (problem === '') this.options.log.info({ file: this.setting.file, array: this.#key }, 'the canary writes')
    else this.options.log.warn({ reason: problem }, 'the canary does not write')
  }
}

/** FUSE shows nothing of what is behind it: whoever configured it knows. */
function isOpaque(key: string): boolean {
  return key.startsWith('fuse')
}
