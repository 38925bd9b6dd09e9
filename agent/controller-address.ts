import type { AgentConfig } from './config.js'

/** Where the controller is unless an agent is told otherwise. */
export const defaultController = '127.0.0.1:8421'

/** Where this agent's controller is: what the configuration names or, where that is the default, the one that was joined. */
export function controllerAddress(
  { controllers: [configured] }: Pick<AgentConfig, 'controllers'>,
  joined: { readonly controller?: string | undefined },
): string {
  const address = configured?.address ?? defaultController
  return address === defaultController ? (joined.controller ?? address) : address
}
