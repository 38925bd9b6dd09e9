/** Name in the controller's own certificate, whatever its address is. Agents ask for it; no agent's certificate carries it. */
export const controllerServerName = 'controller.headroom.internal'
