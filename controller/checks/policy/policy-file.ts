import { finding, fleetSubject, type Finding } from '../../model/finding.js'

/** The file of the policy is bad or gone, and the policy before it goes on. */
export function policyFileFindings(problem: string | undefined): Finding[] {
  if (problem === undefined) return []
  const [first = '', ...others] = problem.split('\n')
  const more = others.length === 0 ? '' : ` (and ${others.length} more: headroom policy show)`
  return [
    finding({
      check: 'policy-file',
      severity: 'warning',
      subject: fleetSubject,
      message: `the policy file is not what is in force: ${first}${more}`,
    }),
  ]
}
