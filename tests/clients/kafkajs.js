// kafkajs: its consumer works in groups only, so what it produced without one is judged by what its
// admin client sees; the records' content is the business of the other clients.
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')
const { randomUUID } = require('crypto')
const { Skip, expect, runAll } = require('./features.js')
const { groupFeatures } = require('./group_story.js')

const kafka = new Kafka({
  brokers: [process.argv[2]],
  logLevel: logLevel.NOTHING,
  retry: { retries: 8, initialRetryTime: 50 },
})
const topicName = () => `kafkajs-${randomUUID().slice(0, 12)}`

async function send(topic, messages, { compression, ...settings } = {}) {
  const producer = kafka.producer(settings)
  await producer.connect()
  try {
    const placed = messages.map((m) => ({ partition: 0, ...m }))
    return await producer.send({ topic, messages: placed, acks: -1, compression })
  } finally {
    await producer.disconnect()
  }
}

async function withAdmin(action) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await action(admin)
  } finally {
    await admin.disconnect()
  }
}

const end = (topic) =>
  withAdmin(async (admin) => Number((await admin.fetchTopicOffsets(topic))[0].high))

async function sendOne(message, settings) {
  const topic = topicName()
  const answers = await send(topic, [message], settings)
  expect([answers[0].errorCode, answers[0].baseOffset], [0, '0'])
  expect(await end(topic), 1)
}

const unpacked = (name) => async () => {
  throw new Skip(`kafkajs needs a further package for ${name}`)
}

const features = {
  'auto-create': () => sendOne({ value: 'first' }),
  produce: async () => {
    const topic = topicName()
    const messages = Array.from({ length: 1000 }, (_, i) => ({ value: String(i) }))
    await send(topic, messages)
    await send(topic, messages)
    expect(await end(topic), 2000)
  },
  consume: async () => {
    throw new Skip('kafkajs consumes in groups only')
  },
  headers: () => sendOne({ value: 'v', headers: { a: '1', empty: '' } }),
  'null key': () => sendOne({ key: null, value: 'v' }),
  'null value': () => sendOne({ key: 'k', value: null }),
  gzip: () => sendOne({ value: 'x'.repeat(1000) }, { compression: CompressionTypes.GZIP }),
  snappy: unpacked('snappy'),
  lz4: unpacked('lz4'),
  zstd: unpacked('zstd'),
  'time look-up': async () => {
    const topic = topicName()
    await send(topic, [{ value: 'a', timestamp: '1700000000000' }])
    await send(topic, [{ value: 'b', timestamp: '1700000001000' }])
    const found = await withAdmin((a) => a.fetchTopicOffsetsByTimestamp(topic, 1700000000500))
    expect(found[0].offset, '1')
  },
  idempotence: () => sendOne({ value: 'once' }, { idempotent: true, maxInFlightRequests: 1 }),
  admin: () =>
    withAdmin(async (admin) => {
      const topic = topicName()
      await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true })
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      expect(topics[0].partitions.length, 3)
      await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
      await admin.deleteTopics({ topics: [topic] })
    }),
}

// One that reads and commits each batch; its partitions are known by the event of having joined.
async function member(topic, group) {
  const consumer = kafka.consumer({ groupId: group, rebalanceTimeout: 10000 })
  const found = { values: [], assigned: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    found.assigned = (payload.memberAssignment[topic] || []).sort()
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary }) => {
      for (const message of batch.messages) {
        resolveOffset(message.offset)
        found.values.push(message.value.toString())
      }
      await commitOffsetsIfNecessary()
    },
  })
  found.close = () => consumer.disconnect()
  return found
}

const groupClient = {
  member,
  createTopic: (topic, numPartitions) =>
    withAdmin((a) => a.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })),
  send: (topic, partition, values) =>
    send(topic, values.map((value) => ({ partition, value }))),
  describe: async (group) => {
    const { groups } = await withAdmin((a) => a.describeGroups([group]))
    return [groups[0].state.toLowerCase(), groups[0].members.length]
  },
  offsets: async (groupId, topic) => {
    const found = await withAdmin((a) => a.fetchOffsets({ groupId }))
    const places = found.filter((t) => t.topic === topic).flatMap((t) => t.partitions)
    return Object.fromEntries(places.sort((a, b) => a.partition - b.partition)
      .map((place) => [place.partition, Number(place.offset)]))
  },
  move: (groupId, topic, partition, offset) => withAdmin(
    (a) => a.setOffsets({ groupId, topic, partitions: [{ partition, offset: String(offset) }] })),
  remove: (group) => withAdmin((a) => a.deleteGroups([group])),
}

runAll({ ...features, ...groupFeatures(groupClient, 'kafkajs') },
  require('kafkajs/package.json').version)
