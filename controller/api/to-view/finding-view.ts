import { subjectText, type Finding } from '../../model/finding.js'
import type { FindingView } from '../views.js'

export function findingView({ check, severity, subject, message }: Finding): FindingView {
  return { check, severity, subject: subjectText(subject), message }
}
