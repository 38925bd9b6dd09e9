// Stands for @grpc/proto-loader in the agent's bundle.
export function loadSync() {
  throw new Error('the agent has no channelz service')
}
export const fromJSON = loadSync
