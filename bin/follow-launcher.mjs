// Preloaded by the launcher: when it is killed outright, the process it started must not live on and hold the port.
if (process.env.ORC_LAUNCHED && process.channel) {
  delete process.env.ORC_LAUNCHED
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel.unref()
}
