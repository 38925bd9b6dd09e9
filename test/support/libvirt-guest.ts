import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { open, readdir, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

import { guestImage } from './guest/guest-image.js'
import type { LibvirtDaemon } from './libvirt-daemon.js'

export interface GuestOptions {
  readonly name: string
  readonly memoryMiB?: number
  /** Size of each disk, in the order vda, vdb, … Raw, sparse, past the host's page cache where the file system can. */
  readonly disksMiB?: readonly number[]
  /** A tap device in the daemon's private network. */
  readonly nic?: boolean
  /** XML for the `metadata` element. */
  readonly metadata?: string
}

export interface Guest {
  readonly name: string
  readonly uuid: string
  /** Starts it and waits until its init obeys. */
  start(): Promise<void>
  /** Sends a line to its init and waits for the answer: `write vda 64`, `burn 2`. */
  tell(command: string): Promise<void>
  /** The process of its QEMU, as seen from here. */
  pid(): Promise<number>
  /** Signals its QEMU; returns from SIGSTOP when that has stopped. */
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): Promise<void>
}

/** Defines a guest whose init obeys commands over its serial port. It runs without KVM. */
export async function defineGuest(daemon: LibvirtDaemon, options: GuestOptions): Promise<Guest> {
  const { name } = options
  const uuid = randomUUID()
  const serial = path.join(daemon.root, `${name}.serial`)
  const disks = await Promise.all(
    (options.disksMiB ?? [64]).map(async (sizeMiB, index) => {
      const file = path.join(daemon.root, `${name}-${index}.img`)
      const handle = await open(file, 'w')
      await handle.truncate(sizeMiB * 2 ** 20)
      await handle.close()
      return file
    }),
  )
  const xml = path.join(daemon.root, `${name}.xml`)
  const handle = await open(xml, 'w')
  await handle.writeFile(definition(options, { uuid, serial, disks, image: await guestImage() }))
  await handle.close()
  await daemon.virsh('define', xml)

  let line: SerialLine | undefined
  const findPid = async (): Promise<number> => {
    const pid = await qemuPid(uuid)
    if (pid === undefined) throw new Error(`no QEMU runs ${name}`)
    return pid
  }
  return {
    name,
    uuid,
    start: async () => {
      await daemon.virsh('start', name)
      line = await SerialLine.open(serial)
      await line.waitFor('ready', 60_000)
    },
    tell: async (command) => {
      if (line === undefined) throw new Error(`${name} was not started`)
      const done = line.waitFor(`done ${command.split(' ')[0] ?? ''}`, 60_000)
      line.send(command)
      await done
    },
    pid: findPid,
    signal: async (signal) => {
      const pid = await findPid()
      process.kill(pid, signal)
      // Its threads stop one after the other.
      if (signal !== 'SIGSTOP') return
      while (!(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') T ')) await delay(10)
    },
  }
}

/** The process whose command line names this VM. */
export async function qemuPid(uuid: string): Promise<number | undefined> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (command.includes('qemu-system') && command.includes(`-uuid\0${uuid}\0`)) return Number(entry)
  }
  return undefined
}

class SerialLine {
  #lines: string[] = []
  readonly #socket: Socket
  readonly #heard = new Set<() => void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => undefined)
    createInterface({ input: socket }).on('line', (text) => {
      this.#lines.push(text.trim())
      for (const wake of this.#heard) wake()
    })
  }

  static async open(file: string): Promise<SerialLine> {
    for (let tries = 0; ; tries += 1) {
      const socket = connect(file)
      try {
        await once(socket, 'connect')
        return new SerialLine(socket)
      } catch (error) {
        if (tries >= 50) throw error
        await delay(100)
      }
    }
  }

  send(text: string): void {
    this.#socket.write(`${text}\n`)
  }

  /** Takes lines until this one comes. */
  async waitFor(wanted: string, timeoutMs: number): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const at = this.#lines.indexOf(wanted)
      if (at >= 0) {
        this.#lines.splice(0, at + 1)
        return
      }
      if (timeout.aborted)
        throw new Error(`the guest did not say "${wanted}", but: ${this.#lines.slice(-20).join(' | ')}`)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#heard.delete(wake)
          timeout.removeEventListener('abort', wake)
          resolve()
        }
        this.#heard.add(wake)
        timeout.addEventListener('abort', wake)
      })
    }
  }
}

interface Parts {
  readonly uuid: string
  readonly serial: string
  readonly disks: readonly string[]
  readonly image: { readonly kernel: string; readonly initrd: string }
}

function definition(options: GuestOptions, { uuid, serial, disks, image }: Parts): string {
  const diskXml = disks.map(
    (file, index) => `
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='writeback'/>
      <source file='${file}'/>
      <target dev='vd${String.fromCodePoint(97 + index)}' bus='virtio'/>
    </disk>`,
  )
  const nic =
    options.nic === true
      ? `<interface type='ethernet'><script path='/bin/true'/><model type='virtio'/><rom enabled='no'/></interface>`
      : ''
  return `<domain type='qemu'>
  <name>${options.name}</name>
  <uuid>${uuid}</uuid>
  <title>${options.name} of a test</title>
  <metadata>${options.metadata ?? ''}</metadata>
  <memory unit='MiB'>${options.memoryMiB ?? 96}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${image.kernel}</kernel>
    <initrd>${image.initrd}</initrd>
    <cmdline>console=ttyS0 quiet loglevel=1 panic=1 mitigations=off tsc=unstable</cmdline>
  </os>
  <features><acpi/><tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>
  <on_poweroff>destroy</on_poweroff>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>${diskXml.join('')}
    ${nic}
    <controller type='usb' model='none'/>
    <serial type='unix'><source mode='bind' path='${serial}'/><target port='0'/></serial>
    <memballoon model='virtio'><stats period='1'/></memballoon>
  </devices>
</domain>
`
}
