import { blindly } from './blindly.js'

export const reset = blindly('reset', 'it may have been reset or not; its process is the same in either case')
