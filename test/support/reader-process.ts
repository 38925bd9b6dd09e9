import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'

import { readyLine } from '../../agent/hypervisor/remote/frame.js'
import { ReaderStream } from '../../agent/hypervisor/remote/reader-stream.js'
import { RemoteReader } from '../../agent/hypervisor/remote/remote-reader.js'
import { readerScript } from './ssh-server.js'

/** Shells that a host may have; the last as near to the bash of CentOS 5 as there is one here. */
export const shells = [['dash'], ['busybox', 'sh'], ['bash', '--posix']] as const
export type Shell = (typeof shells)[number]

/** A reader run by a shell of this machine, without ssh: its standard input and output from the first line on. */
export async function runReader(
  shell: Shell,
  args: readonly string[],
  options: { readonly uid?: number } = {},
): Promise<{ readonly stream: Duplex; readonly ended: Promise<number | null> }> {
  const [program, ...more] = shell
  const child = spawn(program, [...more, readerScript, ...args], { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  const rest = await new Promise<Buffer>((resolve, reject) => {
    let head = Buffer.alloc(0)
    const receive = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk])
      const at = head.indexOf('\n')
      if (at < 0) return
      child.stdout.off('data', receive)
      child.stdout.pause()
      if (readyLine.test(head.toString('latin1', 0, at))) resolve(head.subarray(at + 1))
      else reject(new Error(`not ready: ${head.toString('latin1')}`))
    }
    child.stdout.on('data', receive)
    void ended.then((code) => reject(new Error(`ended with ${code}: ${said.trim()}`)))
  })
  if (rest.length > 0) child.stdout.unshift(rest)
  return { stream: Duplex.from({ readable: child.stdout, writable: child.stdin }), ended }
}

/** What such a reader tells, as the agent keeps it. */
export function readerOf(shell: Shell, args: readonly string[]): { reader: RemoteReader; stream: ReaderStream } {
  const stream = new ReaderStream({
    open: async () => (await runReader(shell, [...args, 'files'])).stream,
    onLost: (reason) => reader.lose(reason),
    monotonicMs: () => performance.now(),
  })
  const reader = new RemoteReader({ ask: (question) => stream.ask(question), onBoot: () => undefined })
  return { reader, stream }
}
