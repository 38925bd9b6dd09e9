import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

import { waitFor } from '../support/wait-for.js'
import type { HostPlan } from './plan.js'
import { runProgram, type RunOptions } from './run-program.js'

export interface InsideOptions {
  /** `own`: the machine's network, which reaches only the lab. `outside`: the network of whoever calls. Default `own`. */
  readonly network?: 'own' | 'outside'
}

/** One machine of a lab. */
export class LabHost {
  readonly name: string
  readonly address: string
  readonly hostUuid: string
  /** libvirtd's sockets, as seen from outside. Inside they are where they always are. */
  readonly socket: string
  readonly socketRo: string

  constructor(
    plan: HostPlan,
    private readonly own: string,
    /** Its process 1, as seen from outside. */
    readonly pid: number,
  ) {
    this.name = plan.name
    this.address = plan.address
    this.hostUuid = plan.hostUuid
    this.socket = path.join(own, 'run/libvirt-sock')
    this.socketRo = path.join(own, 'run/libvirt-sock-ro')
  }

  /**
   * Its /proc, as seen from outside: only its own processes are there, so that the two QEMUs of a migration are told apart.
   * What a reader finds there of *itself* (/proc/self, /proc/net) is missing; who needs that runs inside.
   */
  get procRoot(): string {
    return `/proc/${this.pid}/root/proc`
  }

  /** The serial port of a guest, as seen from outside. */
  serialSocket(guest: string): string {
    return path.join(this.own, 'serial', guest)
  }

  /** All that a guest ever said on this host. */
  serialLog(guest: string): string {
    return path.join(this.own, 'serial', `${guest}.log`)
  }

  virsh(...args: string[]): Promise<string> {
    return runProgram('virsh', ['-q', '-c', `qemu+unix:///system?socket=${this.socket}`, ...args])
  }

  /** States of its VMs, by name: running, paused, shut off, … */
  async vmStates(): Promise<ReadonlyMap<string, string>> {
    const table = await this.virsh('list', '--all')
    return new Map([...table.matchAll(/^ *\S+ +(\S+) +(\S.*?) *$/gm)].map(([, name = '', state = '']) => [name, state]))
  }

  /** The command line that runs a command inside. Paths are absolute. */
  inside(command: readonly string[], { network = 'own' }: InsideOptions = {}): readonly [string, ...string[]] {
    const kinds = ['--mount', '--uts', '--ipc', '--pid', '--cgroup', ...(network === 'own' ? ['--net'] : [])]
    return ['nsenter', '--target', String(this.pid), ...kinds, '--', ...command]
  }

  /** Runs a command inside to its end and gives what it printed. */
  run(command: readonly string[], options: InsideOptions & RunOptions = {}): Promise<string> {
    const [program, ...args] = this.inside(command, options)
    return runProgram(program, args, options)
  }

  /**
   * Starts a program inside. It is a process of the machine and ends with it. The child here is only `nsenter`, which ends
   * with the program's code; ask the program itself to end, or use `programPid`.
   */
  start(
    command: readonly string[],
    options: InsideOptions & { readonly stdio?: StdioOptions; readonly env?: NodeJS.ProcessEnv } = {},
  ): ChildProcess {
    const [program, ...args] = this.inside(command, options)
    return spawn(program, args, { stdio: options.stdio ?? 'inherit', env: options.env ?? process.env })
  }

  /** SIGKILL for libvirtd; its guests live on. */
  async killLibvirtd(): Promise<void> {
    await this.run(['sh', '-c', 'kill -KILL "$(cat /run/libvirtd.pid)"'])
  }

  async startLibvirtd(): Promise<void> {
    await this.run(['/usr/sbin/libvirtd', '-d', '--listen'])
    await waitFor(30_000, `libvirtd of ${this.name}`, async () => {
      return (
        existsSync(this.socket) &&
        (await this.virsh('version').then(
          () => true,
          () => false,
        ))
      )
    })
  }
}
