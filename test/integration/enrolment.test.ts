import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

import type { Agent } from '../../agent/agent.js'
import { joinController } from '../../agent/join.js'
import { makeCertificateRequest } from '../../agent/report/certificate-request.js'
import { Credential } from '../../agent/report/credential.js'
import { enrol, RenewalFailed, renewIdentity } from '../../agent/report/enrol.js'
import { loadIdentity, pem, saveIdentity, type Identity } from '../../agent/report/identity.js'
import { createLog } from '../../common/log.js'
import { agentView, authorityView, fleetView, newJoinTokenView } from '../../controller/api/views.js'
import { startEnrolmentWorld, type EnrolmentWorld, type Machine } from '../support/enrolment-world.js'
import { hostDraft, hostNamed, openRawSession } from '../support/ingest-agent.js'
import { scratch, startIngest } from '../support/ingest-controller.js'

/** How agents get in, stay in and are put out: the real controller, its command line and its API, and real agents, over TLS. */

const day = 86_400_000
const signal = new AbortController().signal
const agentList = z.object({ agents: z.array(agentView) })

let world: EnrolmentWorld
beforeEach(async () => {
  world = await startEnrolmentWorld()
})
afterEach(async () => {
  await world.stop()
})

async function newToken(options = ''): Promise<string> {
  return newJoinTokenView.parse(await world.cliJson(`agent join-token${options}`)).token
}

async function joined(name: string, hosts: readonly string[] = [name], options = ''): Promise<Machine> {
  const machine = await world.machine(name, hosts)
  await machine.join(['--controller', world.address, '--token', await newToken(options)])
  return machine
}

async function listed(name: string): Promise<z.infer<typeof agentView> | undefined> {
  const { agents } = agentList.parse(await world.cliJson('agent list'))
  return agents.find((agent) => agent.name === name)
}

const until = (check: () => unknown, timeout = 10_000): Promise<unknown> => vi.waitFor(check, { timeout, interval: 50 })
const connected = (agent: Agent): Promise<unknown> => until(() => expect(agent.status().connected).toBe(true))

describe('joining', () => {
  it('is one command on the host, which the controller prints', async () => {
    const { code, stdout } = await world.cli('agent join-token --host one --note first')
    expect(code).toBe(0)
    const words = stdout.trim().split(' ')
    expect(words.slice(0, 4)).toEqual(['headroom-agent', 'join', '--controller', world.address])
    const machine = await world.machine('one', ['one'])
    const printed = await machine.join(words.slice(2))
    expect(printed).toMatch(/^Joined 127\.0\.0\.1:\d+ as agent-[0-9a-f]{16} for one\.\nNext: /)
    await connected(await machine.start())
    expect(await listed('one')).toMatchObject({
      connected: true,
      hosts: ['one'],
      enrolment: { anyHost: false, grantedHosts: [{ name: 'one' }], refusedHosts: [] },
    })
    const ends = (await listed('one'))?.enrolment?.certificateEndsAt ?? 0
    expect(ends - Date.now()).toBeGreaterThan(89 * day)
    expect((await world.cli('agent list')).stdout).toContain(new Date(ends).toISOString().slice(0, 10))
  })

  it('said twice does no harm, and needs no second token', async () => {
    const machine = await joined('one')
    const before = await machine.identity()
    const printed = await machine.join(['--controller', world.address])
    expect(printed).toContain(
      `has joined ${world.address} already, as ${before.agentId}; its certificate is good until`,
    )
    expect(await machine.identity()).toEqual(before)
  })

  it('takes the token from standard input', async () => {
    const machine = await world.machine('one', ['one'])
    await machine.join(['--controller', world.address, '--token-file', '-'], `${await newToken()}\n`)
    expect((await machine.identity()).controller).toBe(world.address)
  })

  it.each([
    [['--token', 'a.b.c'], '--controller: expected host:port, such as controller.example:8421, got nothing'],
    [['--controller', 'there', '--token', 'a.b.c'], 'expected host:port, such as controller.example:8421, got there'],
    [['--controller', '127.0.0.1:1'], '--token or --token-file: expected a join token, got none'],
    [
      ['--controller', '127.0.0.1:1', '--token', 'nonsense'],
      'expected its three parts, joined by dots, got 1 of 8 characters',
    ],
    [['--controller', '127.0.0.1:1', '--token', 'a.b.c', '--token-file', 'x'], 'give one of them'],
    [['--controller', '127.0.0.1:1', '--token-file', '/nowhere'], '/nowhere cannot be read'],
    [
      ['--controller', '127.0.0.1:1', '--token', 'a.b.c'],
      'ECONNREFUSED 127.0.0.1:1; is it running, is this its address',
    ],
    [['--controller', '127.0.0.1:1', '--frobnicate'], "Unknown option '--frobnicate'"],
    [['--controller', '127.0.0.1:1', '--token', 'a.b.c', '--data', '/elsewhere'], 'names the data directory'],
  ])('with %j says what is wrong', async (args, message) => {
    const machine = await world.machine('one', ['one'])
    await expect(machine.join(args)).rejects.toThrow(message)
    expect(await loadIdentity(machine.dataDir)).toBe(undefined)
  })

  it('writes a configuration where there is none, and leaves one that is there', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'headroom-join-'))
    const machine = await joined('one')
    const data = join(dir, 'data')
    await saveIdentity(data, await machine.identity())
    const file = join(dir, 'agent.yaml')
    const again = async (): Promise<void> =>
      joinController(['--controller', world.address, '--config', file, '--data', data, '--name', 'uno'], {
        readStdin: () => Promise.resolve(''),
        print: () => undefined,
        now: () => Date.now(),
        version: '',
        service: () => undefined,
        signal,
      })
    await again()
    const written = `data: ${data}\nname: uno\ncontrollers:\n  - address: ${world.address}\nhypervisors:\n  - kind: libvirt\n`
    expect(await readFile(file, 'utf8')).toBe(written)
    await writeFile(file, `# mine\n${written}`)
    await again()
    expect(await readFile(file, 'utf8')).toBe(`# mine\n${written}`)
    await writeFile(file, 'controllers: [{ address: "elsewhere:1" }]\n')
    await expect(again()).rejects.toThrow('names the controller elsewhere:1')
    await rm(dir, { recursive: true })
  })

  it('with a token for other hosts is refused; the token waits for the right one', async () => {
    const token = await newToken(' --host two three')
    const wrong = await world.machine('one', ['one'])
    await expect(wrong.join(['--controller', world.address, '--token', token])).rejects.toThrow(
      `the controller at ${world.address} refuses this agent: the join token was made for other hosts: expected two, three, got one; make one for this host: headroom agent join-token --host one`,
    )
    expect(await world.refused('host-not-in-token')).toBe(1)
    const right = await world.machine('two', ['two'])
    expect(await right.join(['--controller', world.address, '--token', token])).toContain('for two.')
  })

  it('twice with one token, with a void one or with an old one is refused and counted', async () => {
    const used = await newToken()
    const machine = await world.machine('one', ['one'])
    await machine.join(['--controller', world.address, '--token', used])
    const other = await world.machine('two', ['two'])
    const attempt = (token: string): Promise<string> => other.join(['--controller', world.address, '--token', token])
    await expect(attempt(used)).rejects.toThrow('not known, or was used before')
    expect(await world.refused('unknown-token')).toBe(1)

    const revoked = await newToken(' --note void')
    const [id = ''] = revoked.split('.')
    expect((await world.cli('agent join-token list')).stdout).toContain('void')
    expect((await world.cli(`agent join-token revoke ${id}`)).code).toBe(0)
    expect((await world.cli(`agent join-token revoke ${id}`)).code).toBe(1)
    await expect(attempt(revoked)).rejects.toThrow('not known, or was used before')

    const old = await newToken(' --valid 2m')
    world.clock.offsetMs = 121_000
    await expect(attempt(old)).rejects.toThrow(
      /the join token has expired: it was good until .*Z, and it is .*Z by the controller's clock; make a new one/,
    )
    expect(await world.refused('expired-token')).toBe(1)
    expect(await loadIdentity(other.dataDir)).toBe(undefined)
  })

  it('by guessing is slowed down: after ten wrong tokens the address has to wait, whatever it shows', async () => {
    const machine = await world.machine('one', ['one'])
    const good = await newToken()
    const guess = good.replace(/\.[^.]+\./, `.${'x'.repeat(32)}.`)
    const attempt = (token: string): Promise<string> => machine.join(['--controller', world.address, '--token', token])
    for (let count = 0; count < 11; count += 1) await expect(attempt(guess)).rejects.toThrow('not known')
    await expect(attempt(guess)).rejects.toThrow('too many wrong join tokens')
    await expect(attempt(good)).rejects.toThrow('too many wrong join tokens')
    expect([await world.refused('unknown-token'), await world.refused('too-many-tokens')]).toEqual([11, 2])
    world.clock.offsetMs = 61_000
    expect(await attempt(good)).toContain('for one.')
  })
})

describe('hosts', () => {
  it('beyond those of the enrolment are refused until an administrator grants them', async () => {
    const agent = await (await joined('pair', ['one', 'two'], ' --host one')).start()
    await connected(agent)
    await until(async () => expect((await listed('pair'))?.hosts).toEqual(['one']))
    const waiting = (await listed('pair'))?.enrolment?.refusedHosts
    expect(waiting).toMatchObject([{ name: 'two' }])
    expect(await world.refused('host-not-granted')).toBeGreaterThan(0)
    expect((await world.cli('agent list')).stdout).toContain('Hosts without a grant')

    expect((await world.cli('agent grant pair nowhere')).stderr).toContain('no host has the id or name "nowhere"')
    expect((await world.cli('agent grant pair two')).code).toBe(0)
    await until(async () => expect((await listed('pair'))?.hosts.toSorted()).toEqual(['one', 'two']))
    expect((await listed('pair'))?.enrolment?.refusedHosts).toEqual([])
  })

  it('of one agent cannot be had by another before it is revoked', async () => {
    await joined('one')
    await joined('other', ['two'])
    const taken = (await listed('one'))?.enrolment?.grantedHosts[0]?.id ?? ''
    const { code, stderr } = await world.cli(`agent grant other ${taken}`)
    expect([code, stderr.includes('speaks for that host')]).toEqual([1, true])
    await world.cli('agent revoke one')
    expect((await world.cli(`agent grant other ${taken}`)).code).toBe(0)
    expect((await listed('other'))?.enrolment?.grantedHosts.map(({ id }) => id)).toContain(taken)
  })
})

describe('revocation', () => {
  it('ends an open stream at once; the agent says so, waits long, and comes back with a new token', async () => {
    const machine = await joined('one')
    const agent = await machine.start()
    await connected(agent)
    const before = await machine.identity()
    const raw = openRawSession(world.address, before)
    // A second session of the same agent, so that its very end can be seen. The agent's own gives way to it.
    raw.hello({ hosts: [hostDraft('one')] })
    await until(() => expect(raw.received.length).toBeGreaterThan(0))
    expect((await world.cli('agent revoke one')).stdout).toContain(`one (${before.agentId}) is revoked`)
    expect(await raw.ended).toEqual({ code: status.PERMISSION_DENIED, details: 'this agent was revoked' })
    raw.close()
    const late = openRawSession(world.address, before)
    expect(await late.ended).toMatchObject({ code: status.PERMISSION_DENIED })
    late.close()
    await expect(renewIdentity(before, { dataDir: machine.dataDir, address: world.address, signal })).rejects.toThrow(
      'this agent was revoked',
    )
    expect(await world.refused('agent-revoked')).toBe(2)
    expect((await world.cli('agent list')).stdout).toMatch(/one +revoked/)
    // It is neither away nor silent: it is out, and so is its host. Also for a controller that starts.
    const counted = async (): Promise<unknown> => {
      const fleet = fleetView.parse(JSON.parse((await world.cli('status --json')).stdout))
      return [fleet.agents, fleet.hosts]
    }
    const none = { total: 0, connected: 0 }
    expect(await counted()).toEqual([none, { total: 0, up: 0 }])
    await world.restartController()
    expect(await counted()).toEqual([none, { total: 0, up: 0 }])
    expect((await world.cli('agent forget one')).stdout).toContain(`one (${before.agentId}) is forgotten`)
    expect((await world.cli('agent list')).stdout).toContain('no agents are enrolled')
    const again = openRawSession(world.address, before)
    expect(await again.ended).toMatchObject({ code: status.UNAUTHENTICATED })
    again.close()

    await machine.join(['--controller', world.address, '--replace', '--token', await newToken()])
    await connected(agent)
    expect((await machine.identity()).agentId).not.toBe(before.agentId)
  })

  it('does not make the agent hammer at the door', async () => {
    const agent = await (await joined('one')).start()
    await connected(agent)
    await world.cli('agent revoke one')
    await until(() => expect(agent.status().problem).toContain('this agent was revoked by the controller'))
    expect(agent.status().connected).toBe(false)
    const reconnects = agent.status().reconnects
    // Time enough for one that would try every few hundred milliseconds.
    await world.restartController()
    expect((await world.cli('agent list')).code).toBe(0)
    expect(agent.status().reconnects).toBe(reconnects)
    expect(await world.refused('agent-revoked')).toBe(0)
  })
})

/** A certificate for the agent that was issued so long ago. */
async function agedBy(days: number): Promise<{
  readonly identity: Identity
  readonly dataDir: string
  readonly address: string
  counted(reason: string): Promise<number>
  stop(): Promise<void>
}> {
  const dir = await scratch()
  const agentDir = await scratch()
  const controller = await startIngest(dir.path)
  const { identity } = await enrol(await controller.token(), {
    dataDir: agentDir.path,
    address: controller.address,
    agentName: 'aged',
    version: '',
    hosts: [hostNamed('one')],
    log: createLog('test', 'silent'),
    signal,
  })
  const { privateKeyPem, csrDer } = await makeCertificateRequest()
  const issuedAt = Date.now() - days * day
  const certificate = await controller.ca.issueAgent(csrDer, identity.agentId, issuedAt)
  const aged: Identity = { ...identity, privateKeyPem, certificatePem: pem('CERTIFICATE', certificate) }
  await saveIdentity(agentDir.path, aged)
  return {
    identity: aged,
    dataDir: agentDir.path,
    address: controller.address,
    counted: (reason) => controller.counted('refusedConnections', reason),
    async stop() {
      await controller.stop()
      await dir.remove()
      await agentDir.remove()
    },
  }
}

describe('renewal', () => {
  it.each([
    [44, false],
    [46, true],
  ])('of a certificate that is %i days old: %s', async (days, due) => {
    const aged = await agedBy(days)
    const stop = new AbortController()
    let looks = 0
    let renewals = 0
    const credential = new Credential(
      {
        dataDir: aged.dataDir,
        address: aged.address,
        log: createLog('test', 'silent'),
        now: () => {
          looks += 1
          return Date.now()
        },
        checkRenewalMs: 20,
        onRenewed: () => (renewals += 1),
      },
      aged.identity,
    )
    const running = credential.run(stop.signal)
    await until(() => expect([looks > 3, renewals]).toEqual([true, due ? 1 : 0]))
    credential.askToRenew()
    await until(() => expect(renewals).toBe(due ? 2 : 1))
    stop.abort()
    await running
    expect(await loadIdentity(aged.dataDir)).toEqual(credential.identity)
    await aged.stop()
  })

  it('does not write over an identity that was put there meanwhile', async () => {
    const aged = await agedBy(46)
    const other: Identity = { ...aged.identity, agentId: 'agent-other', certificatePem: aged.identity.caPem }
    const credential = new Credential(
      {
        dataDir: aged.dataDir,
        address: aged.address,
        log: createLog('test', 'silent'),
        now: () => Date.now(),
        onRenewed: () => undefined,
      },
      aged.identity,
    )
    await saveIdentity(aged.dataDir, other)
    await credential.settle({ code: status.UNAUTHENTICATED, reason: 'certificate-expired', message: '' }, signal)
    expect(credential.identity).toEqual(other)
    expect(await loadIdentity(aged.dataDir)).toEqual(other)
    await aged.stop()
  })
})

describe('recovery', () => {
  it('of a machine that was off for months: its expired certificate renews, and opens nothing else', async () => {
    const aged = await agedBy(90 + 100)
    const session = openRawSession(aged.address, aged.identity)
    expect(await session.ended).toMatchObject({
      code: status.UNAUTHENTICATED,
      details: expect.stringContaining('renew'),
    })
    session.close()
    expect(await aged.counted('certificate-expired')).toBe(1)

    let renewals = 0
    const credential = new Credential(
      {
        dataDir: aged.dataDir,
        address: aged.address,
        log: createLog('test', 'silent'),
        now: () => Date.now(),
        onRenewed: () => (renewals += 1),
      },
      aged.identity,
    )
    expect(await credential.prepare(signal)).toBe(undefined)
    expect(renewals).toBe(1)
    expect(await loadIdentity(aged.dataDir)).toEqual(credential.identity)
    const fresh = openRawSession(aged.address, credential.identity)
    fresh.hello({ hosts: [hostDraft('one')] })
    await until(() => expect(fresh.received.length).toBeGreaterThan(0))
    fresh.close()
    await aged.stop()
  })

  it('is over at some time: then the machine has to join anew', async () => {
    const aged = await agedBy(90 + 181)
    const renewal = renewIdentity(aged.identity, { dataDir: aged.dataDir, address: aged.address, signal })
    await expect(renewal).rejects.toBeInstanceOf(RenewalFailed)
    await expect(renewal).rejects.toMatchObject({
      end: { code: status.PERMISSION_DENIED, reason: 'certificate-expired-long-ago' },
    })
    expect(await aged.counted('certificate-expired-long-ago')).toBe(1)
    expect(await loadIdentity(aged.dataDir)).toEqual(aged.identity)
    await aged.stop()
  })

  it('is not for a certificate of another authority, expired or not', async () => {
    const aged = await agedBy(100)
    const { privateKeyPem, csrDer } = await makeCertificateRequest()
    const dir = await scratch()
    const foreign = await startIngest(dir.path)
    const forged = await foreign.ca.issueAgent(csrDer, aged.identity.agentId, Date.now() - 100 * day)
    await foreign.stop()
    await dir.remove()
    const identity = { ...aged.identity, privateKeyPem, certificatePem: pem('CERTIFICATE', forged) }
    const renewal = renewIdentity(identity, { dataDir: aged.dataDir, address: aged.address, signal })
    await expect(renewal).rejects.toMatchObject({
      end: { code: status.UNAUTHENTICATED, reason: 'other-authority' },
    })
    expect(await aged.counted('other-authority')).toBe(1)
    await aged.stop()
  })
})

describe('a wrong clock', () => {
  it('is a state with both times, not an endless TLS error', async () => {
    const agent = await (await joined('one')).start()
    await connected(agent)
    // Its certificate is of a month to come: to the agent it is not valid yet.
    world.clock.offsetMs = 30 * day
    await world.restartController()
    await until(
      () => expect(agent.status().problem).toMatch(/^this machine's clock says \d{4}-.* the controller's /),
      20_000,
    )
    const other = await world.machine('two', ['two'])
    const join = other.join(['--controller', world.address, '--token', await newToken()])
    await expect(join).rejects.toThrow("this machine's clock says")
  })

  it('a stranger at the address of the controller is said, too', async () => {
    const machine = await joined('one')
    const state = await scratch()
    const stranger = await startIngest(state.path)
    const credential = new Credential(
      {
        dataDir: machine.dataDir,
        address: stranger.address,
        log: createLog('test', 'silent'),
        now: () => Date.now(),
        holdMs: 50,
        onRenewed: () => undefined,
      },
      await machine.identity(),
    )
    await credential.settle({ code: status.UNAVAILABLE, reason: undefined, message: '' }, signal)
    expect(credential.problem).toContain('is not the controller that this agent joined')
    await stranger.stop()
    await state.remove()
  })
})

describe('rotation of the certificate authority', () => {
  const authority = async (): Promise<z.infer<typeof authorityView>> =>
    authorityView.parse(await world.cliJson('ca show'))

  it('leaves nobody out who comes in time, and names who did not', async () => {
    const here = await joined('here')
    const agent = await here.start()
    await connected(agent)
    const away = await joined('away')
    const former = await away.identity()
    const madeBefore = await newToken()
    const firstKey = (await authority()).keyHash

    expect((await world.cli('ca rotate')).code).toBe(0)
    expect((await world.cli('ca rotate')).stderr).toContain('not finished')
    expect((await authority()).keyHash).not.toBe(firstKey)
    // The connected agent renews because it is asked to, and comes back with what it got.
    await until(async () =>
      expect((await authority()).rotation?.notRenewed).toEqual([
        { id: former.agentId, name: 'away', connected: false },
      ]),
    )
    await connected(agent)
    const renewed = await here.identity()
    expect(renewed.caPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)

    // The controller starts again in the middle of it. Who knows the former authority only still gets in, and is asked to renew.
    await world.restartController()
    await connected(agent)
    const session = openRawSession(world.address, former)
    session.hello({ hosts: [hostDraft('away')] })
    await until(() =>
      expect(session.received.map(({ message }) => message)).toContainEqual(
        expect.objectContaining({ $case: 'settings', value: expect.objectContaining({ renewCertificate: true }) }),
      ),
    )
    session.close()

    // Tokens of before and of meanwhile are good.
    const madeMeanwhile = await newToken()
    const late = await world.machine('late', ['late'])
    await late.join(['--controller', world.address, '--token', madeBefore])
    const later = await world.machine('later', ['later'])
    await later.join(['--controller', world.address, '--token', await newToken()])

    await until(async () => expect((await listed('away'))?.connected).toBe(false))
    const refused = await world.cli('ca rotate --finish')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`away (${former.agentId}, away)`)])
    const finished = await world.cli('ca rotate --finish --force')
    expect(finished.stdout).toMatch(/must join anew\nAGENT +STATUS +ID\naway +away/)
    expect((await world.cli('ca rotate --finish')).stderr).toContain('no rotation')

    // The one that followed is asked again, and forgets the former authority.
    await until(async () => expect((await here.identity()).caPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(1))
    await connected(agent)
    const left = openRawSession(world.address, former, (await here.identity()).caPem)
    expect(await left.ended).toMatchObject({ code: status.UNAUTHENTICATED })
    left.close()
    expect(await world.refused('other-authority')).toBe(1)
    const latest = await world.machine('latest', ['latest'])
    await latest.join(['--controller', world.address, '--token', madeMeanwhile])
    await connected(await latest.start())
  }, 60_000)

  it('ends by itself when the overlap is over', async () => {
    const machine = await joined('one')
    await world.cli('ca rotate')
    world.clock.offsetMs = 181 * day
    await world.restartController()
    expect(await authority()).not.toHaveProperty('rotation')
    const { caPem } = await machine.identity()
    const { code } = await openRawSession(world.address, await machine.identity(), caPem).ended
    expect(code).toBe(status.UNAVAILABLE)
  })
})
