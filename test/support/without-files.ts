import { openSync } from 'node:fs'

import { SshChannel } from '../../agent/hypervisor/remote/ssh-channel.js'

/** Opens a channel when this process may open no file more, and prints what comes of it. */
async function main(): Promise<void> {
  const { signal } = new AbortController()
  for (;;) {
    try {
      openSync('/dev/null', 'r')
    } catch {
      break
    }
  }
  const options = { args: ['-V'], host: 'x', deadlineMs: 2000, signal, explain: (said: string) => new Error(said) }
  const outcome = await SshChannel.open(options).catch((error: unknown) => error)
  setTimeout(() => console.log(`goes on after ${String(outcome)}`), 100)
}

void main()
