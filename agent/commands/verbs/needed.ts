import { ActionRefused } from '../../hypervisor/hypervisor.js'

/** A part of a driver. @throws ActionRefused if it has none: the verbs that it says it can do need no part that it lacks */
export function needed<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new ActionRefused('the driver of this host cannot do that')
  return part
}
