import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { memoryDirectory } from '../support/memory-directory.js'
import { seededChance } from '../support/seeded-chance.js'
import { waitFor } from '../support/wait-for.js'

const program = fileURLToPath(new URL('../support/alerts/desk-process.ts', import.meta.url))
const body = z.object({
  id: z.string(),
  changes: z.array(
    z.object({ what: z.string(), alert: z.object({ number: z.number(), subject: z.object({ id: z.string() }) }) }),
  ),
})

const lives = 12

test(
  'kill -9 at moments that nobody chose: every alert is told once, and its end once',
  { timeout: 120_000 },
  async () => {
    const directory = memoryDirectory('headroom-alert-kill-')
    const chance = seededChance(7, 'alert-kill')
    const came: { readonly id: string; readonly text: string }[] = []
    let takes = true
    const server = createServer((request, response) => {
      let text = ''
      request.setEncoding('utf8').on('data', (part: string) => (text += part))
      request.on('end', () => {
        // Now and then it takes a message, and its answer is lost.
        const isLost = takes && chance() < 0.3
        if (takes) came.push({ id: String(request.headers['headroom-id']), text })
        if (isLost) request.socket.destroy()
        else response.writeHead(takes ? 204 : 503).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
    writeFileSync(join(directory, 'secret'), 'secret\n')
    const say = (words: string): void => {
      writeFileSync(join(directory, 'new'), words)
      renameSync(join(directory, 'new'), join(directory, 'words'))
    }
    const told = (what: string): string[] =>
      came
        .flatMap(({ text }) => body.parse(JSON.parse(text)).changes)
        .flatMap((change) => (change.what === what ? change.alert.subject.id : []))
    let child: ChildProcess | undefined
    try {
      for (let life = 0; life < lives; life += 1) {
        say(`m${life} m${life + 1}`)
        takes = life % 4 !== 2
        child = fork(program, [directory, url], { execArgv: ['--import', 'tsx'], stdio: 'inherit' })
        await once(child, 'message')
        // From before the first step to after the first message.
        await new Promise((resolve) => setTimeout(resolve, chance() * 400))
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      takes = true
      child = fork(program, [directory, url], { execArgv: ['--import', 'tsx'], stdio: 'inherit' })
      await once(child, 'message')
      await waitFor(20_000, 'the last to be told', async () => Promise.resolve(told('fired').includes(`m${lives}`)))
      say('')
      await waitFor(20_000, 'the end of all', async () =>
        Promise.resolve(
          new Set(told('fired')).size === new Set(told('resolved')).size && new Set(told('resolved')).has(`m${lives}`),
        ),
      )
    } finally {
      child?.kill('SIGKILL')
      server.closeAllConnections()
      server.close()
      rmSync(directory, { recursive: true })
    }
    const byId = new Map<string, string>()
    for (const { id, text } of came) {
      // Whoever gets it twice can tell: one id, one content.
      expect(text).toBe(byId.get(id) ?? text)
      byId.set(id, text)
    }
    const changes = [...byId.values()].flatMap((text) => body.parse(JSON.parse(text)).changes)
    const numbers = (what: string): number[] =>
      changes
        .filter((change) => change.what === what)
        .map(({ alert }) => alert.number)
        .sort((a, b) => a - b)
    expect(numbers('fired').length).toBeGreaterThan(3)
    expect(new Set(numbers('fired')).size).toBe(numbers('fired').length)
    expect(numbers('resolved')).toEqual(numbers('fired'))
  },
)
