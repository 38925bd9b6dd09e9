import { Metadata, status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'

import { reasonTrailer, refusalReasons } from '../../common/refusal-reasons.js'
import { callEndOf, stepAfter, type CallEnd } from './call-end.js'

const end = (more: Partial<CallEnd>): CallEnd => ({ code: undefined, reason: undefined, message: 'words', ...more })

describe('what an agent does after', () => {
  it.each<[what: string, end: CallEnd, kind: string, says?: string]>([
    ['a good end', end({ code: status.OK }), 'usual'],
    ['a fault of its own', end({}), 'usual'],
    ['a broken stream', end({ code: status.CANCELLED }), 'usual'],
    ['a deadline', end({ code: status.DEADLINE_EXCEEDED }), 'usual'],
    ['no connection', end({ code: status.UNAVAILABLE }), 'look'],
    ['revocation', end({ code: status.PERMISSION_DENIED, reason: 'agent-revoked' }), 'hold', 'was revoked'],
    ['another authority', end({ code: status.UNAUTHENTICATED, reason: 'other-authority' }), 'hold', 'join it anew'],
    ['an expired certificate', end({ code: status.UNAUTHENTICATED, reason: 'certificate-expired' }), 'renew'],
    ['one that expired long ago', end({ reason: 'certificate-expired-long-ago' }), 'hold', 'join it anew'],
    ['one of the future', end({ reason: 'certificate-not-yet-valid' }), 'hold', 'one of the two clocks is wrong'],
    ['a double of itself', end({ code: status.ABORTED, reason: 'newer-session' }), 'hold', 'copied?'],
    ['new grants', end({ code: status.ABORTED, reason: 'grants-changed' }), 'usual'],
    ['a refusal of an older controller', end({ code: status.UNAUTHENTICATED }), 'hold', 'words'],
    ['too many guesses', end({ code: status.RESOURCE_EXHAUSTED, reason: 'too-many-tokens' }), 'hold', 'words'],
  ])('%s', (_what, given, kind, says = '') => {
    const step = stepAfter(given)
    expect(step.kind).toBe(kind)
    expect(step.kind === 'hold' ? step.problem : '').toContain(says)
  })

  it.each(refusalReasons)('%s is provided for', (reason) => {
    expect(stepAfter(end({ reason })).kind).toMatch(/^(usual|renew|hold)$/)
  })
})

describe('how a call ended', () => {
  it('is read from an error of grpc-js', () => {
    const metadata = new Metadata()
    metadata.set(reasonTrailer, 'agent-revoked')
    const error = Object.assign(new Error('7 PERMISSION_DENIED: no'), { code: 7, details: 'no', metadata })
    expect(callEndOf(error)).toEqual({ code: 7, reason: 'agent-revoked', message: 'no' })
  })

  it('a reason that this version does not know is none', () => {
    const metadata = new Metadata()
    metadata.set(reasonTrailer, 'bad-weather')
    expect(callEndOf({ code: 7, details: 'no', metadata }).reason).toBe(undefined)
  })

  it.each([
    [new Error('plain'), 'plain'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ code: 'ECONNREFUSED', details: '', metadata: { get: () => 'x' } }, '[object Object]'],
  ])('from %j as well as it can be', (thrown, message) => {
    expect(callEndOf(thrown)).toEqual({ code: undefined, reason: undefined, message })
  })
})
