// What the members of JavaScript share: their words and what they tell, as agreed on in
// life_history.py.
const [address, group, topic, name] = process.argv.slice(2, 6)
const protocolAt = process.argv.indexOf('--protocol')
const protocol = protocolAt < 0 ? 'classic' : process.argv[protocolAt + 1]

const SESSION_MS = 6000
const HEARTBEAT_MS = 1000
const REBALANCE_MS = 10000
// How long processed records may wait for their commit, and how long a fetch waits for records.
const PACE_MS = 300

const tell = (event, fields) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)

function fail(problem) {
  tell('problem', { error: String(problem?.message ?? problem) })
  process.exit(1)
}

// The partitions that the member has; it tells what changes.
class Holding {
  partitions = new Set()

  has(partition) {
    return this.partitions.has(partition)
  }

  assign(partitions, generation = null) {
    const more = partitions.filter((partition) => !this.has(partition))
    more.forEach((partition) => this.partitions.add(partition))
    if (more.length > 0) tell('assigned', { partitions: more, generation })
  }

  // `how`: revoked or lost
  release(how, partitions = [...this.partitions]) {
    const fewer = partitions.filter((partition) => this.partitions.delete(partition))
    if (fewer.length > 0) tell(how, { partitions: fewer })
  }
}

// Commits what was processed, by partition, and tells how that ended; the error is the caller's too.
async function commit(next, action) {
  try {
    await action()
  } catch (problem) {
    tell('commit-failed', { error: problem.message })
    throw problem
  }
  tell('committed', { offsets: next })
}

// Runs until SIGTERM; leave() commits, gives the partitions up and leaves the group.
function untilTerminated(leave) {
  process.once('SIGTERM', async () => {
    try {
      await leave()
    } catch (problem) {
      fail(problem)
    }
    tell('left')
    process.exit(0)
  })
}

process.on('unhandledRejection', fail)

module.exports = { address, group, topic, name, protocol, SESSION_MS, HEARTBEAT_MS, REBALANCE_MS,
  PACE_MS, Holding, commit, fail, tell, untilTerminated }
