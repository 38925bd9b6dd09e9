import { exactSize } from '../../common/units.js'
import { vmClasses, type Policy } from '../model/policy.js'
import { patternTest } from '../../common/pattern.js'
import type { Note } from './note.js'

/** Patterns with `*` of one list that others are held against; more would take long, and nobody writes them by hand. */
const mostCompared = 500

/** What the rules of a policy say against each other and against the time, whatever the fleet is. */
export function reviewRules(policy: Policy, now: number): Note[] {
  const services = policy.services.map(({ members }) => ({ match: members }))
  return [
    ...shadowed('groups', policy.groups),
    ...shadowed('hosts', policy.hosts),
    ...shadowed('arrays', policy.arrays),
    ...shadowed('services', services),
    ...repeatedExceptions(policy),
    ...limitsInTheWay(policy),
    ...ruleOff(policy),
    ...endedSilences(policy, now),
  ]
}

interface Place {
  readonly rule: number
  readonly text: string
}

/** Patterns that an earlier pattern covers: of the same rule needless, of another without effect. */
function shadowed(list: string, rules: readonly { readonly match: readonly string[] }[]): Note[] {
  const earlier = coverage()
  return rules.flatMap(({ match }, rule) => {
    const covered = match.flatMap((text) => {
      const by = earlier.of(text)
      earlier.add({ rule, text })
      return by === undefined ? [] : [{ text, by }]
    })
    const elsewhere = covered.filter(({ by }) => by.rule !== rule)
    const key = `${list}.${rule}`
    if (elsewhere.length > 0 && elsewhere.length === match.length) {
      const [{ text, by } = { text: '', by: { rule, text: '' } }] = elsewhere
      const message = `it never counts: ${list}.${by.rule} (${quoted(by.text)}) comes first for all that ${quoted(text)} matches`
      return [{ kind: 'shadowed', key, message }]
    }
    return covered.map(({ text, by }): Note => {
      const where = by.rule === rule ? 'the same rule' : `${list}.${by.rule}`
      return {
        kind: 'shadowed',
        key,
        message: `${quoted(text)} changes nothing: ${where} has ${quoted(by.text)} before it`,
      }
    })
  })
}

/** Collects patterns, and tells which of them matches all that another does. */
function coverage(): { readonly add: (place: Place) => void; readonly of: (text: string) => Place | undefined } {
  const exact = new Map<string, Place>()
  const wild: (Place & { readonly test: (text: string) => boolean })[] = []
  return {
    add: (place) => {
      if (!exact.has(place.text)) exact.set(place.text, place)
      // A `*` of the narrower pattern is a character that only a `*` of the wider one matches.
      if (place.text.includes('*') && wild.length < mostCompared) wild.push({ ...place, test: patternTest(place.text) })
    },
    of: (text) => exact.get(text) ?? wild.find(({ test }) => test(text)),
  }
}

function repeatedExceptions({ exceptions }: Policy): Note[] {
  const earlier = new Map<string, ReturnType<typeof coverage>>()
  return exceptions.flatMap(({ vm, host, rule }, at): Note[] => {
    const target = vm === undefined ? 'host' : 'vm'
    const text = vm ?? host ?? ''
    const before = earlier.get(`${target} ${rule}`) ?? coverage()
    earlier.set(`${target} ${rule}`, before)
    const by = before.of(text)
    before.add({ rule: at, text })
    if (by === undefined) return []
    const message = `it changes nothing: exceptions.${by.rule} excepts ${target} ${quoted(by.text)} from ${rule} before it`
    return [{ kind: 'shadowed', key: `exceptions.${at}`, message }]
  })
}

/** An exception for everything is a rule that is off: severities say that better. */
function ruleOff({ exceptions }: Policy): Note[] {
  return exceptions.flatMap(({ vm, host, rule }, at): Note[] =>
    (vm ?? host) === '*'
      ? [
          {
            kind: 'contradiction',
            key: `exceptions.${at}`,
            message: `it switches the rule ${rule} off for all ${vm === undefined ? 'hosts' : 'VMs'}`,
          },
        ]
      : [],
  )
}

function endedSilences({ silences }: Policy, now: number): Note[] {
  return silences.flatMap(({ untilMs }, at): Note[] =>
    untilMs > now ? [] : [{ kind: 'unused', key: `silences.${at}`, message: 'it has ended' }],
  )
}

function limitsInTheWay({ limits, groups }: Policy): Note[] {
  return vmClasses.flatMap((vmClass): Note[] => {
    const limit = limits.classMemoryBytes[vmClass]
    if (limit === undefined) return []
    const key = `limits.classMemory.${vmClass}`
    return [
      ...(limit < limits.vmMemoryBytes
        ? [
            {
              kind: 'contradiction' as const,
              key,
              message: `a new VM of limits.vmMemory (${exactSize(limits.vmMemoryBytes)}) would be above it (${exactSize(limit)})`,
            },
          ]
        : []),
      ...(groups.some((group) => group.class === vmClass)
        ? []
        : [{ kind: 'unused' as const, key, message: `no group has the class ${vmClass}` }]),
    ]
  })
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
