// What a group of consumers must do; the same story as group_story.py. A client's program hands in
//   createTopic(name, partitions), send(name, partition, values)
//   member(topic, group)    starts one that reads and commits: {values, assigned, close()}, where
//                           assigned is a sorted list of partition numbers
//   describe(group)         [state, number of members]
//   offsets(group, topic)   committed offsets by partition
//   move(group, topic, partition, offset), remove(group)
const { randomUUID } = require('crypto')
const { expect } = require('./features.js')

const WAIT_MS = 40000
const LOOK_MS = 50

function waitFor(what, member, isSo) {
  const begin = Date.now()
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (!isSo() && Date.now() - begin < WAIT_MS) return
      clearInterval(timer)
      const state = `has ${member.assigned} and ${member.values.length} records`
      isSo() ? resolve() : reject(new Error(`${what}: ${state}`))
    }, LOOK_MS)
  })
}

const reads = (what, member, count) => waitFor(what, member, () => member.values.length >= count)
const owns = (what, member, count) => waitFor(what, member, () => member.assigned.length === count)

async function withMember(client, topic, group, action) {
  const member = await client.member(topic, group)
  try {
    await action(member)
  } finally {
    await member.close()
  }
  return member
}

async function begin(client, prefix, partitions) {
  const topic = `${prefix}-${randomUUID().slice(0, 12)}`
  await client.createTopic(topic, partitions)
  let sent = 0
  const send = async (count) => {
    const all = []
    for (let partition = 0; partition < partitions; partition++) {
      const values = Array.from({ length: count }, (_, i) => `${sent + i} of ${partition}`)
      await client.send(topic, partition, values)
      all.push(...values)
    }
    sent += count
    return all.sort()
  }
  return { topic, group: `group-of-${topic}`, send }
}

// A member reads these values and no others, and leaves.
async function read(client, { topic, group }, wanted) {
  const member = await withMember(client, topic, group, (m) => reads('reading', m, wanted.length))
  expect(member.values.sort(), wanted)
}

async function consume(client, prefix) {
  const story = await begin(client, prefix, 2)
  await read(client, story, await story.send(50))
}

async function restart(client, prefix) {
  const story = await begin(client, prefix, 2)
  for (const count of [30, 20, 10]) await read(client, story, await story.send(count))
}

// One member, two, one: what is sent meanwhile is read once, by a partition's owner.
async function rebalance(client, prefix) {
  const { topic, group, send } = await begin(client, prefix, 4)
  let wanted = await send(10)
  let second
  const first = await withMember(client, topic, group, async (one) => {
    await reads('alone', one, 40)
    second = await withMember(client, topic, group, async (two) => {
      await owns('joining', two, 2)
      await owns('sharing', one, 2)
      expect([...one.assigned, ...two.assigned].sort(), [0, 1, 2, 3])
      wanted = wanted.concat(await send(10))
      await reads('reading half', one, 60)
      await reads('reading half', two, 20)
    })
    await owns('alone again', one, 4)
    wanted = wanted.concat(await send(10))
    await reads('reading all', one, 100)
  })
  expect([...first.values, ...second.values].sort(), wanted.sort())
}

async function describe(client, prefix) {
  const { topic, group, send } = await begin(client, prefix, 1)
  const wanted = await send(5)
  await withMember(client, topic, group, async (member) => {
    await reads('reading', member, wanted.length)
    expect(await client.describe(group), ['stable', 1])
  })
  expect(await client.describe(group), ['empty', 0])
}

async function offsets(client, prefix) {
  const story = await begin(client, prefix, 2)
  const { topic, group } = story
  await read(client, story, await story.send(20))
  expect(await client.offsets(group, topic), { 0: 20, 1: 20 })
  await client.move(group, topic, 0, 5)
  expect(await client.offsets(group, topic), { 0: 5, 1: 20 })
  await read(client, story, Array.from({ length: 15 }, (_, i) => `${i + 5} of 0`).sort())
}

async function remove(client, prefix) {
  const story = await begin(client, prefix, 1)
  await read(client, story, await story.send(5))
  await client.remove(story.group)
  expect(await client.offsets(story.group, story.topic), {})
}

const STORIES = { '': consume, ' restart': restart, ' rebalance': rebalance, ' describe': describe,
  ' offsets': offsets, ' delete': remove }

const groupFeatures = (client, prefix, kind = 'group') =>
  Object.fromEntries(Object.entries(STORIES).map(
    ([name, story]) => [kind + name, () => story(client, prefix)]))

module.exports = { groupFeatures }
