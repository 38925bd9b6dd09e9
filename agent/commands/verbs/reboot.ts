import { blindly } from './blindly.js'

export const reboot = blindly(
  'reboot',
  'the guest may have been asked to reboot or not; its process is the same in either case',
)
