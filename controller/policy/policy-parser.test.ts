import { describe, expect, it } from 'vitest'

import { ConfigError } from '../../common/config-error.js'
import { parsePolicy } from './policy-file.js'
import { ParserBusy, PolicyParser } from './policy-parser.js'

function longPolicy(last: string): string {
  const rules = Array.from({ length: 400 }, (_, at) => `  - name: g${at}\n    match: ['g${at}-*']\n    class: personal`)
  return `groups:\n${rules.join('\n')}\n${last}\n`
}

describe('long policies, in a thread of their own', () => {
  it('are what they are here, and hold up nothing', async () => {
    const text = longPolicy('limits: { vmMemory: 2GiB }')
    const before = performance.eventLoopUtilization()
    const parsed = await new PolicyParser().parse(text, 'p.yaml')
    const busyMs = performance.eventLoopUtilization(before).active
    const began = performance.now()
    const parsedHere = parsePolicy(text, 'p.yaml')
    expect(busyMs).toBeLessThan((performance.now() - began) / 2)
    expect(parsed).toEqual(parsedHere)
  })

  it('are refused with every problem', async () => {
    const text = longPolicy('limit: 3')
    const problems = await new PolicyParser().parse(text, 'p.yaml').catch((error: unknown) => error)
    expect(problems).toBeInstanceOf(ConfigError)
    expect(() => parsePolicy(text, 'p.yaml')).toThrow(problems instanceof ConfigError ? problems.message : '')
  })

  it('wait for each other, and too many are refused', async () => {
    const parser = new PolicyParser(2)
    const text = longPolicy('limit: 3')
    const asked = Array.from({ length: 3 }, () => parser.parse(text, 'p.yaml').catch((error: unknown) => error))
    const answers = await Promise.all(asked)
    expect(answers.map((one) => one instanceof ConfigError)).toEqual([true, true, false])
    expect(answers.at(-1)).toBeInstanceOf(ParserBusy)
    await expect(parser.parse('', 'p.yaml')).resolves.toBeDefined()
  })
})
