import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { z } from 'zod'

import { enrolAgent, hostDraft, hostNamed, openRawSession } from '../support/ingest-agent.js'
import { scratch, startIngest } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'

/**
 * A peer that is gone without a word: its link is cut, and no packet of it ever comes again. To be run in a network namespace of
 * its own (`unshare -n`); makes a second one for the agent, and a cable between the two. Ends with a line of JSON.
 */
const hostSide = '10.77.0.1'
const agentSide = '10.77.0.2'

const identitySchema = z.object({
  agentId: z.string(),
  certificatePem: z.string(),
  privateKeyPem: z.string(),
  caPem: z.string(),
})

const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'controller' },
    address: { type: 'string', default: '' },
    identity: { type: 'string', default: '' },
    pingEveryMs: { type: 'string', default: '20000' },
    pingAnswerMs: { type: 'string', default: '10000' },
  },
})

if (values.role === 'agent') await beAgent(values.address, values.identity)
else await beController(Number(values.pingEveryMs), Number(values.pingAnswerMs))

/** Has one session, and says when its first report is acked. */
async function beAgent(address: string, identityFile: string): Promise<void> {
  process.send?.('here')
  await once(process, 'message')
  ip('link set cable-b up')
  ip(`addr add ${agentSide}/24 dev cable-b`)
  const session = openRawSession(address, identitySchema.parse(JSON.parse(await readFile(identityFile, 'utf8'))))
  session.hello({ hosts: [hostDraft('far')] })
  session.report({ hostId: 'id-of-far', seq: 1, host: { load1: 1 } })
  while (session.acked() < 1) await new Promise((resolve) => setTimeout(resolve, 10))
  process.send?.('acked')
}

async function beController(pingEveryMs: number, pingAnswerMs: number): Promise<void> {
  ip('link set lo up')
  ip('link add cable-a type veth peer name cable-b')
  ip(`addr add ${hostSide}/24 dev cable-a`)
  ip('link set cable-a up')
  const dir = await scratch()
  const { log, lines } = collectedLog()
  const connectionLimits = { pingEveryMs, pingAnswerMs, sweepMs: 50 }
  const controller = await startIngest(dir.path, { host: hostSide, log, connectionLimits })
  const { address } = controller
  const identityFile = join(dir.path, 'far.json')
  const identity = await enrolAgent({
    address,
    token: await controller.token(),
    dataDir: dir.path,
    hosts: [hostNamed('far')],
  })
  await writeFile(identityFile, JSON.stringify(identity), { mode: 0o600 })
  const agent = fork(import.meta.filename, ['--role', 'agent', '--address', address, '--identity', identityFile], {
    execPath: '/usr/bin/env',
    execArgv: ['unshare', '-n', process.execPath, '--import', 'tsx'],
  })
  await once(agent, 'message')
  ip(`link set cable-b netns ${agent.pid}`)
  agent.send('go')
  await once(agent, 'message')
  const sessions = async (): Promise<number> => (await controller.metrics.sessions.get()).values[0]?.value ?? 0
  const before = await sessions()
  ip('link set cable-a down')
  const cutAt = performance.now()
  const counted = (): Promise<number> => controller.counted('refusedConnections', 'no-answer')
  const isFound = async (): Promise<boolean> => (await sessions()) === 0 && (await counted()) > 0
  while (!(await isFound()) && performance.now() - cutAt < (pingEveryMs + pingAnswerMs) * 3) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const foundAfterMs = Math.round(performance.now() - cutAt)
  const result = {
    hostile: 'half-open',
    sessionsBefore: before,
    sessionsAfter: await sessions(),
    foundAfterMs,
    counted: await counted(),
    logged: lines.filter(({ reason, peer }) => reason === 'no-answer' && String(peer).startsWith(agentSide)).length,
  }
  agent.kill('SIGKILL')
  await controller.stop()
  await dir.remove()
  process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exit(0)
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '), { stdio: 'inherit' })
}
