// A member by @platformatic/kafka, under either protocol. It cannot commit before it gives a partition
// up: such a commit would reach the broker behind what gives it up, and be refused. So what was
// processed and not committed yet is left to the next owner.
const { Consumer } = require('@platformatic/kafka')
const { address, group, topic, name, protocol, SESSION_MS, HEARTBEAT_MS, REBALANCE_MS, PACE_MS,
  Holding, commit, fail, tell, untilTerminated } = require('./life_member.js')

const isNew = protocol === 'consumer'
const UNKNOWN_MEMBER_ID = 25

// The client answers the refusal of a commit by joining again and sending the same offsets under the
// new generation, when the partitions may be another's: they must not be sent again.
class CarefulConsumer extends Consumer {
  joinGroup(options, callback) {
    if (options?.topics) return super.joinGroup(options, callback)
    return super.joinGroup(options, (problem) =>
      callback(problem ?? new Error('the commit was refused')))
  }
}

const holding = new Holding()
let consumer = null
let stream = null
let batch = null // Records of one partition that came together and were not told yet.
const next = new Map() // What to process next, by partition that is held.
let processed = {} // What to commit, by partition.
let committing = null
let stopping = false

function endBatch() {
  if (batch === null) return
  tell('records', batch)
  processed[batch.partition] = batch.last + 1
  batch = null
}

// When a partition is added the client goes back to the committed offsets of all of them: what was
// processed already is passed over.
function take(message) {
  const { partition } = message
  const offset = Number(message.offset)
  if (!holding.has(partition) || offset < next.get(partition)) return
  next.set(partition, offset + 1)
  if (batch?.partition !== partition || offset !== batch.last + 1) {
    endBatch()
    setImmediate(endBatch)
    batch = { partition, first: offset, last: offset, count: 0 }
  }
  batch.last = offset
  batch.count += 1
}

function release(how, partitions) {
  endBatch()
  holding.release(how, partitions)
  for (const partition of next.keys()) {
    if (holding.has(partition)) continue
    next.delete(partition)
    delete processed[partition]
  }
}

// Before the client joins again, under the classic protocol. It would go on reading, so the stream is
// paused: what it has already is delivered later, and taken then if the partition is still ours.
function onRebalance() {
  release('revoked')
  stream?.pause()
}

// The classic protocol says so before, unless the member was dropped.
function onAssignments(assignments) {
  const mine = assignments?.find((place) => place.topic === topic)?.partitions ?? []
  if (isNew) release('revoked', [...holding.partitions].filter((p) => !mine.includes(p)))
  else release('lost')
  return () => {
    holding.assign(mine, isNew ? null : consumer.generationId)
    stream?.resume()
  }
}

// No event tells of a new assignment under the new protocol, so it is caught where it is set.
function catchAssignments(of) {
  let assignments = null
  Object.defineProperty(of, 'assignments', {
    get: () => assignments,
    set: (value) => {
      const assign = onAssignments(value)
      assignments = value
      assign()
    },
  })
}

async function commitProcessed() {
  endBatch()
  const places = processed
  processed = {}
  const offsets = Object.entries(places).map(([partition, offset]) =>
    ({ topic, partition: Number(partition), offset: BigInt(offset), leaderEpoch: -1 }))
  if (offsets.length > 0) await commit(places, () => consumer.commit({ offsets })).catch(() => {})
}

// Under the new protocol the client goes on beating its heart for a member that the group has
// dropped, for ever: then another consumer takes its place.
async function onHeartbeatError({ error }) {
  if (!isNew || error.response?.errorCode !== UNKNOWN_MEMBER_ID) return
  release('lost')
  const dropped = consumer
  await join()
  await dropped.close(true)
}

async function join() {
  consumer = new CarefulConsumer({
    clientId: name, bootstrapBrokers: [address], groupId: group, autocommit: false,
    retries: 60, retryDelay: PACE_MS, maxWaitTime: PACE_MS, rebalanceTimeout: REBALANCE_MS,
    sessionTimeout: SESSION_MS, heartbeatInterval: HEARTBEAT_MS,
    ...(isNew && { groupProtocol: 'consumer' }),
  })
  catchAssignments(consumer)
  consumer.on('consumer:group:rebalance', onRebalance)
  consumer.on('consumer:heartbeat:error', onHeartbeatError)
  stream = await consumer.consume({
    topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false })
  const of = stream
  stream.on('error', (problem) => stopping || of !== stream || fail(problem))
  stream.on('data', (message) => of === stream && take(message))
}

async function live() {
  await join()
  while (!stopping) {
    await new Promise((resolve) => setTimeout(resolve, PACE_MS))
    committing = commitProcessed()
    await committing
  }
}

untilTerminated(async () => {
  stopping = true
  await committing
  await commitProcessed()
  release('revoked')
  await consumer.close(true)
})
live().catch(fail)
