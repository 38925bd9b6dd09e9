import { readFileSync } from 'node:fs'

import { parseConfigWithLines } from '../../common/config.js'
import { ConfigError, type ConfigProblem } from '../../common/config-error.js'
import type { Thresholds } from '../model/check-table.js'
import type { Policy } from '../model/policy.js'
import { policyFileSchema, type PolicyFileValue } from './policy-schema.js'

/** A policy as it stands in a file. */
export interface ParsedPolicy {
  readonly policy: Policy
  /** Lines of rules by key: `groups.0`, `apart.2`. */
  readonly lines: RuleLines
}

export type RuleLines = ReadonlyMap<string, number>

/** Parsing more would hold up the controller: patterns say the same in fewer words. */
export const mostPolicyBytes = 256 * 1024

/** Parts of the file that are lists of rules. */
const lists = [
  'groups',
  'hosts',
  'arrays',
  'services',
  'apart',
  'exceptions',
  'routes',
  'silences',
  'approvals',
] as const satisfies (keyof Policy)[]

/**
 * The rules in the text of a `policy.yaml`; an empty text means the defaults.
 * @param file its name, for errors
 * @throws ConfigError naming every problem
 */
export function parsePolicy(text: string, file: string): ParsedPolicy {
  if (Buffer.byteLength(text) > mostPolicyBytes) throw tooLong(file, Buffer.byteLength(text))
  const { value, lineOf } = parseConfigWithLines(text, policyFileSchema, file)
  const policy = toPolicy(value)
  const lines = new Map<string, number>()
  for (const list of lists) {
    for (const at of policy[list].keys()) {
      const line = lineOf([list, at])
      if (line !== undefined) lines.set(`${list}.${at}`, line)
    }
  }
  return { policy, lines }
}

/**
 * Reads and parses a `policy.yaml`.
 * @throws ConfigError: it cannot be read, or every problem in it
 */
export function loadPolicy(file: string): ParsedPolicy {
  return parsePolicy(decodePolicy(readBytes(file), file), file)
}

/**
 * The text in the bytes of a policy file.
 * @throws ConfigError: too long, or no UTF-8
 */
export function decodePolicy(bytes: Uint8Array, file: string): string {
  if (bytes.byteLength > mostPolicyBytes) throw tooLong(file, bytes.byteLength)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ConfigError(file, [{ key: '', expected: 'text in UTF-8', ...firstOddByte(bytes) }])
  }
}

/** Where bytes are no UTF-8 any more. */
function firstOddByte(bytes: Uint8Array): Pick<ConfigProblem, 'line' | 'got'> {
  const [first = 0, second = 0] = bytes
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return { line: 1, got: 'UTF-16' }
  const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\ufffd', 1)[0] ?? ''
  const odd = bytes[Buffer.byteLength(before)] ?? 0
  return { line: before.split('\n').length, got: `the byte 0x${odd.toString(16).toUpperCase()}` }
}

/** A problem of a policy file as a whole. */
export function wrongFile(file: string, expected: string, got: string): ConfigError {
  return new ConfigError(file, [{ key: '', line: undefined, expected, got }])
}

function tooLong(file: string, bytes: number): ConfigError {
  return wrongFile(file, `at most ${mostPolicyBytes} bytes`, `${bytes} bytes`)
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw wrongFile(file, 'a readable file', error instanceof Error ? error.message : String(error))
  }
}

function toPolicy(file: PolicyFileValue): Policy {
  const { limits } = file
  return {
    groups: file.groups.map((rule) => ({
      name: rule.name,
      match: rule.match ?? [],
      class: rule.class,
      owner: rule.owner,
    })),
    hosts: file.hosts.map(({ match, role, reserve }) => ({ match, role, reserveBytes: reserve })),
    limits: {
      vmMemoryBytes: limits.vmMemory,
      hostReserveBytes: limits.hostReserve,
      classMemoryBytes: { core: limits.classMemory.core, personal: limits.classMemory.personal },
      vcpusPerCore: limits.vcpusPerCore,
    },
    arrays: file.arrays.map(({ name, match, join, cache, drain, bulkCopy }) => ({
      name,
      match,
      join,
      cacheBytes: cache,
      drainBytesPerSecond: drain,
      bulkCopyBytesPerSecond: bulkCopy,
    })),
    services: file.services.map(({ name, members = [] }) => ({ name, members })),
    apart: file.apart,
    exceptions: file.exceptions.map(({ vm, host, rule, reason }) => ({ vm, host, rule, reason })),
    thresholds: toThresholds(file.thresholds),
    routes: file.routes,
    silences: file.silences,
    heartbeat: file.heartbeat,
    approvals: file.approvals,
    moves: file.moves,
  }
}

function toThresholds(file: PolicyFileValue['thresholds']): Thresholds {
  const rows = Object.entries(file).map(([check, { severity, raiseAfter, clearAfter, ...settings }]) => [
    check,
    { severity, raiseAfterMs: raiseAfter, clearAfterMs: clearAfter, ...settings },
  ])
  // The schema is made from the same table as this type, key by key, and fills in every one of them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(rows) as Thresholds
}

/** What holds without a policy file: VMs of 1 GiB, 2 GiB of each host for its hypervisor, no rules. */
export const defaultPolicy: Policy = toPolicy(policyFileSchema.parse({}))
