// A member by kafkajs: classic and eager. It beats its heart between batches only, and tells neither
// its generation nor the offsets that it was answered.
const { Kafka, logLevel } = require('kafkajs')
const { address, group, topic, name, protocol, SESSION_MS, HEARTBEAT_MS, REBALANCE_MS, PACE_MS,
  Holding, commit, fail, tell, untilTerminated } = require('./life_member.js')

const kafka = new Kafka({ brokers: [address], clientId: name, logLevel: logLevel.NOTHING,
  retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1000 } })
const consumer = kafka.consumer({ groupId: group, sessionTimeout: SESSION_MS,
  heartbeatInterval: HEARTBEAT_MS, rebalanceTimeout: REBALANCE_MS, maxWaitTimeInMs: PACE_MS })

const holding = new Holding()
let stopping = false
let atWork = Promise.resolve()

// A member that the group has dropped joins again without a word before: then this is the first.
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  holding.release('lost')
  holding.assign(payload.memberAssignment[topic] ?? [])
})
consumer.on(consumer.events.REBALANCING, () => holding.release('revoked'))
consumer.on(consumer.events.CRASH, ({ payload }) => {
  holding.release('lost')
  if (!payload.restart) fail(payload.error)
})

// What is left of a batch that came before a rebalance is not processed when its partition has gone.
async function process_({ batch, resolveOffset, commitOffsetsIfNecessary }) {
  const { partition, messages } = batch
  if (stopping || !holding.has(partition)) return
  const offset = (message) => Number(message.offset)
  const [first, last] = [offset(messages[0]), offset(messages[messages.length - 1])]
  tell('records', { partition, first, last, count: messages.length })
  resolveOffset(String(last))
  const partitions = [{ partition, offset: String(last + 1) }]
  await commit({ [partition]: last + 1 },
    () => commitOffsetsIfNecessary({ topics: [{ topic, partitions }] }))
}

async function live() {
  if (protocol !== 'classic') throw new Error('kafkajs has the classic protocol only')
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: (payload) => {
      atWork = process_(payload)
      return atWork
    },
  })
}

untilTerminated(async () => {
  stopping = true
  await atWork.catch(() => {})
  holding.release('revoked')
  await consumer.disconnect()
})
live().catch(fail)
