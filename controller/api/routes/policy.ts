import { z } from 'zod'

import { ConfigError, type ConfigProblem } from '../../../common/config-error.js'
import { judgeFleet } from '../../checks/fleet-findings.js'
import { findingKey } from '../../model/finding.js'
import { fileForm } from '../../policy/file-form.js'
import type { PolicyInForce } from '../../policy/live-policy.js'
import { mostPolicyBytes, type ParsedPolicy } from '../../policy/policy-file.js'
import { ParserBusy, PolicyParser } from '../../policy/policy-parser.js'
import type { PolicyHistory } from '../../policy/policy-history.js'
import { reviewPolicy } from '../../policy/review.js'
import type { ApiApp } from '../app.js'
import { mayAs } from '../../access/caller.js'
import { ApiError } from '../errors.js'
import { callerOf } from '../guard.js'
import type { FleetViews } from '../fleet-views.js'
import { findingView } from '../to-view/finding-view.js'
import { given } from '../to-view/metrics-view.js'
import {
  policyCheckView,
  policyTextView,
  policyVersionView,
  policyView,
  type ConfigProblemView,
  type PolicyCheckView,
  type PolicyView,
} from '../views.js'
import { answers } from './answers.js'

interface PolicyRouteOptions {
  readonly views: FleetViews
  readonly policy: () => PolicyInForce
  readonly history: Pick<PolicyHistory, 'list' | 'version'>
  readonly now: () => number
}

/** In JSON a text may take several times its length. */
const mostBodyBytes = mostPolicyBytes * 3

/** Findings in the answer to a check. */
const mostFindings = 2000

export function addPolicyRoutes(app: ApiApp, { views, policy, history, now }: PolicyRouteOptions): void {
  const parser = new PolicyParser()
  app.get(
    '/api/v1/policy',
    { schema: { summary: 'The policy in force, and what is wrong with its file', response: answers(policyView) } },
    (request) => inForceView(policy(), mayAs(callerOf(request).role, 'operator')),
  )
  app.get(
    '/api/v1/policy/history',
    {
      schema: {
        summary: 'Policies that were in force, oldest first',
        response: answers(z.object({ versions: z.array(policyVersionView) })),
      },
    },
    async () => ({ versions: await history.list() }),
  )
  app.get(
    '/api/v1/policy/history/:number',
    {
      // Addresses of routes may have secrets in them.
      config: { access: 'operator' },
      schema: {
        summary: 'One of them with its text',
        params: z.strictObject({ number: z.string().regex(/^[1-9]\d{0,11}$/, 'the number of a version') }),
        response: answers(policyTextView),
      },
    },
    async (request) => {
      const number = Number(request.params.number)
      const version = await history.version(number)
      if (version !== undefined) return version
      throw new ApiError('policy-version-unknown', `there is no version ${number} of the policy, or no more`)
    },
  )
  app.post(
    '/api/v1/policy/check',
    {
      config: { access: 'operator' },
      bodyLimit: mostBodyBytes,
      schema: {
        summary: 'What a policy would do if it were in force; changes nothing',
        body: z.strictObject({
          text: z.string().max(mostPolicyBytes).describe('of the policy file'),
          file: z.string().min(1).max(300).describe('its name, for messages').prefault('policy.yaml'),
        }),
        response: answers(policyCheckView),
      },
    },
    async ({ body: { text, file } }) => {
      try {
        return checkView(await parser.parse(text, file), views, now())
      } catch (error) {
        if (error instanceof ParserBusy) throw new ApiError('too-many-policies', error.message)
        if (!(error instanceof ConfigError)) throw error
        return { problems: error.problems.map(problemView), notes: [], findings: [], ends: [], excepted: [] }
      }
    },
  )
}

/** @param withRoutes where alerts go to: addresses that may have secrets in them */
function inForceView({ file, version, problem, policy }: PolicyInForce, withRoutes: boolean): PolicyView {
  const { routes, heartbeat, ...rules } = fileForm(policy)
  return given({
    file,
    version,
    problem:
      problem === undefined
        ? undefined
        : { since: problem.since, message: problem.message, problems: problem.problems.map(problemView) },
    effective: withRoutes ? given({ ...rules, routes, heartbeat }) : rules,
  })
}

function checkView(parsed: ParsedPolicy, views: FleetViews, now: number): PolicyCheckView {
  const { snapshot, circumstances, findings: present } = views.current()
  // The file that is looked at is a good one, whatever is in force.
  const judgement = judgeFleet(snapshot, parsed.policy, { ...circumstances, policyProblem: undefined })
  const then = judgement.findings
  const before = new Set(present.stands.map(findingKey))
  const after = new Set(then.stands.map(findingKey))
  const leftOut = then.stands.length - mostFindings
  return {
    problems: [],
    notes: reviewPolicy(parsed, now, { snapshot, judgement }).map((note) => given(note)),
    findings: then.stands
      .slice(0, mostFindings)
      .map((one) => ({ ...findingView(one), isNew: !before.has(findingKey(one)) })),
    ...(leftOut > 0 && { findingsLeftOut: leftOut }),
    ends: present.stands
      .filter((one) => !after.has(findingKey(one)))
      .slice(0, mostFindings)
      .map(findingView),
    excepted: then.excepted
      .slice(0, mostFindings)
      .map(({ finding, reason, key }) => given({ ...findingView(finding), reason, key, line: parsed.lines.get(key) })),
  }
}

function problemView(problem: ConfigProblem): ConfigProblemView {
  return given({ ...problem })
}
