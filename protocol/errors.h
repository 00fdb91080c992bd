/* Kafka's error codes: what a response says in its error_code fields. One table holds name, number,
 * whether a client may simply try again, and a text for error_message fields and logs.
 *
 * KAFKA_UNKNOWN_SERVER_ERROR is never sent where a retriable code fits: clients take it for final,
 * and some then lose or duplicate records (KAFKA-14034). */
#ifndef TAILRACE_PROTOCOL_ERRORS_H
#define TAILRACE_PROTOCOL_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, code, is_retriable, text) */
#define KAFKA_ERROR_LIST(X)                                                                        \
    X(UNKNOWN_SERVER_ERROR, -1, false, "The broker failed in a way it did not expect")             \
    X(NONE, 0, false, "No error")                                                                  \
    X(OFFSET_OUT_OF_RANGE, 1, false, "The offset is outside the range that the partition holds")   \
    X(CORRUPT_MESSAGE, 2, true, "The record batch has a wrong checksum or is otherwise corrupt")   \
    X(UNKNOWN_TOPIC_OR_PARTITION, 3, true, "The broker does not know this topic or partition")     \
    X(INVALID_FETCH_SIZE, 4, false, "The fetch size is not valid")                                 \
    X(LEADER_NOT_AVAILABLE, 5, true, "The partition has no leader at the moment")                  \
    X(NOT_LEADER_OR_FOLLOWER, 6, true,                                                             \
      "The broker is not the leader, or holds no replica, of this partition")                      \
    X(REQUEST_TIMED_OUT, 7, true, "The request timed out")                                         \
    X(BROKER_NOT_AVAILABLE, 8, false, "The broker is not available")                               \
    X(REPLICA_NOT_AVAILABLE, 9, true, "The replica is not available on this broker")               \
    X(MESSAGE_TOO_LARGE, 10, false, "The record batch is larger than the topic allows")            \
    X(STALE_CONTROLLER_EPOCH, 11, false, "The controller moved to another node")                   \
    X(OFFSET_METADATA_TOO_LARGE, 12, false, "The metadata of the committed offset is too large")   \
    X(NETWORK_EXCEPTION, 13, true, "The connection broke before the response came")                \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, true, "The coordinator is still loading its state")        \
    X(COORDINATOR_NOT_AVAILABLE, 15, true, "The coordinator is not available")                     \
    X(NOT_COORDINATOR, 16, true, "This broker is not the coordinator")                             \
    X(INVALID_TOPIC_EXCEPTION, 17, false,                                                          \
      "The topic's name is not legal, or the topic cannot be used this way")                       \
    X(RECORD_LIST_TOO_LARGE, 18, false, "The record batch is larger than a segment")               \
    X(NOT_ENOUGH_REPLICAS, 19, true,                                                               \
      "Fewer replicas are in sync than the topic asks for; nothing was written")                   \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, true,                                                  \
      "Written, but fewer replicas are in sync than the topic asks for")                           \
    X(INVALID_REQUIRED_ACKS, 21, false, "acks must be -1, 0 or 1")                                 \
    X(ILLEGAL_GENERATION, 22, false, "The group's generation is another one")                      \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, false,                                                      \
      "The member's protocols do not fit those of the group")                                      \
    X(INVALID_GROUP_ID, 24, false, "The group id is not valid")                                    \
    X(UNKNOWN_MEMBER_ID, 25, false, "The coordinator does not know this member")                   \
    X(INVALID_SESSION_TIMEOUT, 26, false, "The session timeout is outside the allowed range")      \
    X(REBALANCE_IN_PROGRESS, 27, false, "The group is rebalancing: join again")                    \
    X(INVALID_COMMIT_OFFSET_SIZE, 28, false, "The commit is larger than the offsets topic allows") \
    X(TOPIC_AUTHORIZATION_FAILED, 29, false, "Not authorized for this topic")                      \
    X(GROUP_AUTHORIZATION_FAILED, 30, false, "Not authorized for this group")                      \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, false, "Not authorized for the cluster")                   \
    X(INVALID_TIMESTAMP, 32, false, "The timestamp is outside the range that the topic accepts")   \
    X(UNSUPPORTED_SASL_MECHANISM, 33, false, "The broker does not offer this SASL mechanism")      \
    X(ILLEGAL_SASL_STATE, 34, false, "The request does not fit the state of the SASL exchange")    \
    X(UNSUPPORTED_VERSION, 35, false, "The broker does not serve this version of the API")         \
    X(TOPIC_ALREADY_EXISTS, 36, false, "A topic of this name exists already")                      \
    X(INVALID_PARTITIONS, 37, false, "The number of partitions is not valid")                      \
    X(INVALID_REPLICATION_FACTOR, 38, false,                                                       \
      "The replication factor is below 1 or above the number of brokers")                          \
    X(INVALID_REPLICA_ASSIGNMENT, 39, false, "The assignment of replicas is not valid")            \
    X(INVALID_CONFIG, 40, false, "The configuration is not valid")                                 \
    X(NOT_CONTROLLER, 41, true, "This node is not the controller")                                 \
    X(INVALID_REQUEST, 42, false, "The request contradicts itself or the protocol")                \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, false,                                                   \
      "The format of the stored records does not support this")                                    \
    X(POLICY_VIOLATION, 44, false, "The request violates a policy of the cluster")                 \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, false, "A batch before this one is missing")               \
    X(DUPLICATE_SEQUENCE_NUMBER, 46, false, "The batch was written before")                        \
    X(INVALID_PRODUCER_EPOCH, 47, false, "The producer has an old epoch")                          \
    X(INVALID_TXN_STATE, 48, false, "The transaction's state does not allow this")                 \
    X(INVALID_PRODUCER_ID_MAPPING, 49, false,                                                      \
      "The producer id does not belong to this transactional id")                                  \
    X(INVALID_TRANSACTION_TIMEOUT, 50, false,                                                      \
      "The transaction timeout is larger than the broker allows")                                  \
    X(CONCURRENT_TRANSACTIONS, 51, true,                                                           \
      "Another operation on the transaction is still under way")                                   \
    X(TRANSACTION_COORDINATOR_FENCED, 52, false,                                                   \
      "The transaction's coordinator was replaced by a newer one")                                 \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53, false,                                            \
      "Not authorized for this transactional id")                                                  \
    X(SECURITY_DISABLED, 54, false, "Security features are switched off")                          \
    X(OPERATION_NOT_ATTEMPTED, 55, false, "Not attempted, because something before it failed")     \
    X(KAFKA_STORAGE_ERROR, 56, true, "The disk of this partition failed")                          \
    X(LOG_DIR_NOT_FOUND, 57, false, "The broker has no such log directory")                        \
    X(SASL_AUTHENTICATION_FAILED, 58, false, "Authentication failed")                              \
    X(UNKNOWN_PRODUCER_ID, 59, false, "The partition remembers nothing of this producer")          \
    X(REASSIGNMENT_IN_PROGRESS, 60, false, "The partition is being reassigned")                    \
    X(DELEGATION_TOKEN_AUTH_DISABLED, 61, false, "Delegation tokens are switched off")             \
    X(DELEGATION_TOKEN_NOT_FOUND, 62, false, "There is no such delegation token")                  \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, 63, false, "The delegation token belongs to somebody else") \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64, false,                                             \
      "Delegation tokens are not allowed on this connection")                                      \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65, false,                                            \
      "Not authorized for this delegation token")                                                  \
    X(DELEGATION_TOKEN_EXPIRED, 66, false, "The delegation token has expired")                     \
    X(INVALID_PRINCIPAL_TYPE, 67, false, "The type of principal is not supported")                 \
    X(NON_EMPTY_GROUP, 68, false, "The group still has members")                                   \
    X(GROUP_ID_NOT_FOUND, 69, false, "There is no such group")                                     \
    X(FETCH_SESSION_ID_NOT_FOUND, 70, true, "There is no such fetch session")                      \
    X(INVALID_FETCH_SESSION_EPOCH, 71, true, "The epoch of the fetch session is another one")      \
    X(LISTENER_NOT_FOUND, 72, true, "The leader has no listener like the one that was asked")      \
    X(TOPIC_DELETION_DISABLED, 73, false, "Topics may not be deleted")                             \
    X(FENCED_LEADER_EPOCH, 74, true, "The leader epoch is older than the broker's")                \
    X(UNKNOWN_LEADER_EPOCH, 75, true, "The leader epoch is newer than the broker's")               \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, false,                                                     \
      "The client does not support the compression of the records")                                \
    X(STALE_BROKER_EPOCH, 77, false, "The broker has registered again since")                      \
    X(OFFSET_NOT_AVAILABLE, 78, true, "The new leader does not know its high watermark yet")       \
    X(MEMBER_ID_REQUIRED, 79, false, "Join again with the member id that was given")               \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, true, "The preferred leader is not available")           \
    X(GROUP_MAX_SIZE_REACHED, 81, false, "The group has as many members as it may")                \
    X(FENCED_INSTANCE_ID, 82, false, "Another member took this group instance id")                 \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, true, "No replica that may lead is available")           \
    X(ELECTION_NOT_NEEDED, 84, true, "The partition has the right leader already")                 \
    X(NO_REASSIGNMENT_IN_PROGRESS, 85, false, "The partition is not being reassigned")             \
    X(GROUP_SUBSCRIBED_TO_TOPIC, 86, false,                                                        \
      "The group is subscribed to the topic whose offsets shall go")                               \
    X(INVALID_RECORD, 87, false, "A record breaks the rules of the topic")                         \
    X(UNSTABLE_OFFSET_COMMIT, 88, true, "Offsets of an open transaction are not decided yet")      \
    X(THROTTLING_QUOTA_EXCEEDED, 89, true, "The quota is used up")                                 \
    X(PRODUCER_FENCED, 90, false, "A newer producer has the same transactional id")                \
    X(RESOURCE_NOT_FOUND, 91, false, "There is no such resource")                                  \
    X(DUPLICATE_RESOURCE, 92, false, "The request names a resource twice")                         \
    X(UNACCEPTABLE_CREDENTIAL, 93, false, "The credential is not acceptable")                      \
    X(INCONSISTENT_VOTER_SET, 94, false, "The sets of voters differ")                              \
    X(INVALID_UPDATE_VERSION, 95, false, "The version of the feature update is not valid")         \
    X(FEATURE_UPDATE_FAILED, 96, false, "The features could not be updated")                       \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, 97, false, "The forwarded principal could not be read")   \
    X(SNAPSHOT_NOT_FOUND, 98, false, "There is no such snapshot")                                  \
    X(POSITION_OUT_OF_RANGE, 99, false, "The position is outside the snapshot")                    \
    X(UNKNOWN_TOPIC_ID, 100, true, "The broker does not know this topic id")                       \
    X(DUPLICATE_BROKER_REGISTRATION, 101, false, "Another broker has registered with this id")     \
    X(BROKER_ID_NOT_REGISTERED, 102, false, "The broker id is not registered")                     \
    X(INCONSISTENT_TOPIC_ID, 103, true, "The topic's id is another one")                           \
    X(INCONSISTENT_CLUSTER_ID, 104, false, "The cluster's id is another one")                      \
    X(TRANSACTIONAL_ID_NOT_FOUND, 105, false, "There is no such transactional id")                 \
    X(FETCH_SESSION_TOPIC_ID_ERROR, 106, true,                                                     \
      "The fetch session mixes topic names and topic ids")                                         \
    X(INELIGIBLE_REPLICA, 107, false, "The new in-sync replicas name one that may not join")       \
    X(NEW_LEADER_ELECTED, 108, false, "The change was made, and a new leader elected with it")     \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, 109, false, "The offset is in tiered storage now")           \
    X(FENCED_MEMBER_EPOCH, 110, false, "The member has an old epoch: join again")                  \
    X(UNRELEASED_INSTANCE_ID, 111, false, "Another member still holds this group instance id")     \
    X(UNSUPPORTED_ASSIGNOR, 112, false, "The group does not support the assignor")                 \
    X(STALE_MEMBER_EPOCH, 113, false, "The member epoch is old: take the new one and try again")   \
    X(MISMATCHED_ENDPOINT_TYPE, 114, false, "The request came to the wrong kind of endpoint")      \
    X(UNSUPPORTED_ENDPOINT_TYPE, 115, false, "There is no such type of endpoint")                  \
    X(UNKNOWN_CONTROLLER_ID, 116, false, "There is no such controller")                            \
    X(UNKNOWN_SUBSCRIPTION_ID, 117, false,                                                         \
      "The telemetry subscription is unknown: ask for it again")                                   \
    X(TELEMETRY_TOO_LARGE, 118, false, "The telemetry is larger than the broker takes")            \
    X(INVALID_REGISTRATION, 119, false, "The controller considers the registration invalid")       \
    X(TRANSACTION_ABORTABLE, 120, false, "The transaction failed and can be aborted")              \
    X(INVALID_RECORD_STATE, 121, false, "The record's state does not allow this")                  \
    X(SHARE_SESSION_NOT_FOUND, 122, true, "There is no such share session")                        \
    X(INVALID_SHARE_SESSION_EPOCH, 123, true, "The epoch of the share session is another one")     \
    X(FENCED_STATE_EPOCH, 124, false, "The share coordinator has a newer state epoch")             \
    X(INVALID_VOTER_KEY, 125, false, "The voter key is not the one of the receiver")               \
    X(DUPLICATE_VOTER, 126, false, "The voter is in the set already")                              \
    X(VOTER_NOT_FOUND, 127, false, "The voter is not in the set")                                  \
    X(INVALID_REGULAR_EXPRESSION, 128, false, "The regular expression is not valid")               \
    X(REBOOTSTRAP_REQUIRED, 129, false,                                                            \
      "The client's metadata is of no use: begin again with the bootstrap servers")                \
    X(STREAMS_INVALID_TOPOLOGY, 130, false, "The topology is not valid")                           \
    X(STREAMS_INVALID_TOPOLOGY_EPOCH, 131, false, "The epoch of the topology is not valid")        \
    X(STREAMS_TOPOLOGY_FENCED, 132, false, "The epoch of the topology is old")                     \
    X(SHARE_SESSION_LIMIT_REACHED, 133, true, "The broker holds as many share sessions as it may") \
    X(GROUP_DELETION_FAILED, 134, false, "The group could not be deleted")                         \
    X(STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED, 135, false,                                      \
      "The description of the topology could not be stored")                                       \
    X(CONTROLLER_ID_NOT_REGISTERED, 136, false, "The controller id is not registered")

enum kafka_error {
#define X(name, code, is_retriable, text) KAFKA_##name = (code),
    KAFKA_ERROR_LIST(X)
#undef X
};

enum {
    KAFKA_ERROR_MIN = KAFKA_UNKNOWN_SERVER_ERROR,
    KAFKA_ERROR_MAX = KAFKA_CONTROLLER_ID_NOT_REGISTERED,
};

/* Kafka's name without prefix, "UNKNOWN_TOPIC_OR_PARTITION". Codes outside the table have those of
 * UNKNOWN_SERVER_ERROR, as in Kafka's clients; never NULL. */
const char *kafka_error_name(int16_t code);

/* A short English text; never NULL. */
const char *kafka_error_text(int16_t code);

/* Whether the same request may succeed later, perhaps after asking for metadata. */
bool kafka_error_is_retriable(int16_t code);

#endif
