"""Kafka's messages as the tests know them, written from Kafka's documentation and independent of
the broker's own schemas, so that a mistake there is not repeated here.

One line a field: name, type, versions (default all). Types: bool i8 i16 i32 i64 uuid str bytes
records; `?` in front: nullable, `?N` nullable from version N; `[]` in front: an array; `[]` or `{}`
alone: an array of, or one, struct whose fields follow indented. Tagged fields are not listed:
they are written as none and read as raw bytes under "tags".
"""

TEXT = """
Produce 0 flexible 9
  request
    transactional_id ?str 3+
    acks i16
    timeout_ms i32
    topics []
      name str 0-12
      topic_id uuid 13+
      partitions []
        index i32
        records ?records
  response
    topics []
      name str 0-12
      topic_id uuid 13+
      partitions []
        index i32
        error i16
        base_offset i64
        log_append_time_ms i64 2+
        log_start_offset i64 5+
        record_errors [] 8+
          batch_index i32
          message ?str
        error_message ?str 8+
    throttle_ms i32 1+

Fetch 1 flexible 12
  request
    replica_id i32 0-14
    max_wait_ms i32
    min_bytes i32
    max_bytes i32 3+
    isolation_level i8 4+
    session_id i32 7+
    session_epoch i32 7+
    topics []
      name str 0-12
      topic_id uuid 13+
      partitions []
        partition i32
        current_leader_epoch i32 9+
        fetch_offset i64
        last_fetched_epoch i32 12+
        log_start_offset i64 5+
        partition_max_bytes i32
    forgotten [] 7+
      name str 7-12
      topic_id uuid 13+
      partitions []i32
    rack_id str 11+
  response
    throttle_ms i32 1+
    error i16 7+
    session_id i32 7+
    topics []
      name str 0-12
      topic_id uuid 13+
      partitions []
        partition i32
        error i16
        high_watermark i64
        last_stable_offset i64 4+
        log_start_offset i64 5+
        aborted ?[] 4+
          producer_id i64
          first_offset i64
        preferred_read_replica i32 11+
        records ?records

ListOffsets 2 flexible 6
  request
    replica_id i32
    isolation_level i8 2+
    topics []
      name str
      partitions []
        index i32
        current_leader_epoch i32 4+
        timestamp i64
    timeout_ms i32 10+
  response
    throttle_ms i32 2+
    topics []
      name str
      partitions []
        index i32
        error i16
        timestamp i64
        offset i64
        leader_epoch i32 4+

Metadata 3 flexible 9
  request
    topics ?1[]
      topic_id uuid 10+
      name ?10str
    allow_auto_create bool 4+
    include_cluster_operations bool 8-10
    include_topic_operations bool 8+
  response
    throttle_ms i32 3+
    brokers []
      node_id i32
      host str
      port i32
      rack ?str 1+
    cluster_id ?str 2+
    controller_id i32 1+
    topics []
      error i16
      name ?12str
      topic_id uuid 10+
      is_internal bool 1+
      partitions []
        error i16
        index i32
        leader_id i32
        leader_epoch i32 7+
        replicas []i32
        isr []i32
        offline []i32 5+
      operations i32 8+
    cluster_operations i32 8-10
    error i16 13+

ApiVersions 18 flexible 3
  request
    software_name str 3+
    software_version str 3+
  response
    error i16
    apis []
      key i16
      min i16
      max i16
    throttle_ms i32 1+

CreateTopics 19 flexible 5
  request
    topics []
      name str
      num_partitions i32
      replication_factor i16
      assignments []
        partition i32
        broker_ids []i32
      configs []
        name str
        value ?str
    timeout_ms i32
    validate_only bool 1+
  response
    throttle_ms i32 2+
    topics []
      name str
      topic_id uuid 7+
      error i16
      message ?str 1+
      num_partitions i32 5+
      replication_factor i16 5+
      configs ?[] 5+
        name str
        value ?str
        read_only bool
        source i8
        is_sensitive bool

DeleteTopics 20 flexible 4
  request
    topics [] 6+
      name ?str
      topic_id uuid
    names []str 0-5
    timeout_ms i32
  response
    throttle_ms i32 1+
    topics []
      name ?6str
      topic_id uuid 6+
      error i16
      message ?str 5+

DescribeLogDirs 35 flexible 2
  request
    topics ?[]
      topic str
      partitions []i32
  response
    throttle_ms i32
    error i16 3+
    results []
      error i16
      log_dir str
      topics []
        name str
        partitions []
          index i32
          size i64
          offset_lag i64
          is_future bool
      total_bytes i64 4+
      usable_bytes i64 4+
      is_cordoned bool 5+

DeleteRecords 21 flexible 2
  request
    topics []
      name str
      partitions []
        partition i32
        offset i64
    timeout_ms i32
  response
    throttle_ms i32
    topics []
      name str
      partitions []
        partition i32
        low_watermark i64
        error i16

InitProducerId 22 flexible 2
  request
    transactional_id ?str
    timeout_ms i32
    producer_id i64 3+
    producer_epoch i16 3+
  response
    throttle_ms i32
    error i16
    producer_id i64
    producer_epoch i16

OffsetForLeaderEpoch 23 flexible 4
  request
    replica_id i32 3+
    topics []
      name str
      partitions []
        partition i32
        current_leader_epoch i32 2+
        leader_epoch i32
  response
    throttle_ms i32 2+
    topics []
      name str
      partitions []
        error i16
        partition i32
        leader_epoch i32 1+
        end_offset i64

DescribeConfigs 32 flexible 4
  request
    resources []
      type i8
      name str
      keys ?[]str
    include_synonyms bool 1+
    include_documentation bool 3+
  response
    throttle_ms i32
    results []
      error i16
      message ?str
      type i8
      name str
      configs []
        name str
        value ?str
        read_only bool
        source i8 1+
        is_sensitive bool
        synonyms [] 1+
          name str
          value ?str
          source i8
        type i8 3+
        documentation ?str 3+

AlterConfigs 33 flexible 2
  request
    resources []
      type i8
      name str
      configs []
        name str
        value ?str
    validate_only bool
  response
    throttle_ms i32
    results []
      error i16
      message ?str
      type i8
      name str

CreatePartitions 37 flexible 2
  request
    topics []
      name str
      count i32
      assignments ?[]
        broker_ids []i32
    timeout_ms i32
    validate_only bool
  response
    throttle_ms i32
    topics []
      name str
      error i16
      message ?str

IncrementalAlterConfigs 44 flexible 1
  request
    resources []
      type i8
      name str
      configs []
        name str
        operation i8
        value ?str
    validate_only bool
  response
    throttle_ms i32
    results []
      error i16
      message ?str
      type i8
      name str

DescribeCluster 60 flexible 0
  request
    include_operations bool
    endpoint_type i8 1+
    include_fenced bool 2+
  response
    throttle_ms i32
    error i16
    message ?str
    endpoint_type i8 1+
    cluster_id str
    controller_id i32
    brokers []
      node_id i32
      host str
      port i32
      rack ?str
      is_fenced bool 2+
    operations i32

DescribeTopicPartitions 75 flexible 0
  request
    topics []
      name str
    partition_limit i32
    cursor ?{}
      topic_name str
      partition_index i32
  response
    throttle_ms i32
    topics []
      error i16
      name ?str
      topic_id uuid
      is_internal bool
      partitions []
        error i16
        index i32
        leader_id i32
        leader_epoch i32
        replicas []i32
        isr []i32
        eligible_leaders ?[]i32
        last_known_elr ?[]i32
        offline []i32
      operations i32
    next_cursor ?{}
      topic_name str
      partition_index i32

OffsetCommit 8 flexible 8
  request
    group str
    generation i32
    member str
    instance ?str 7+
    retention_ms i64 2-4
    topics []
      name str 0-9
      topic_id uuid 10+
      partitions []
        index i32
        offset i64
        leader_epoch i32 6+
        metadata ?str
  response
    throttle_ms i32 3+
    topics []
      name str 0-9
      topic_id uuid 10+
      partitions []
        index i32
        error i16

OffsetFetch 9 flexible 6
  request
    group str 0-7
    topics ?2[] 0-7
      name str
      partitions []i32
    groups [] 8+
      group str
      member ?str 9+
      epoch i32 9+
      topics ?[]
        name str 8-9
        topic_id uuid 10+
        partitions []i32
    require_stable bool 7+
  response
    throttle_ms i32 3+
    topics [] 0-7
      name str
      partitions []
        index i32
        offset i64
        leader_epoch i32 5+
        metadata ?str
        error i16
    error i16 2-7
    groups [] 8+
      group str
      topics []
        name str 8-9
        topic_id uuid 10+
        partitions []
          index i32
          offset i64
          leader_epoch i32
          metadata ?str
          error i16
      error i16

FindCoordinator 10 flexible 3
  request
    key str 0-3
    key_type i8 1+
    keys []str 4+
  response
    throttle_ms i32 1+
    error i16 0-3
    error_message ?str 1-3
    node_id i32 0-3
    host str 0-3
    port i32 0-3
    coordinators [] 4+
      key str
      node_id i32
      host str
      port i32
      error i16
      error_message ?str

JoinGroup 11 flexible 6
  request
    group str
    session_timeout_ms i32
    rebalance_timeout_ms i32 1+
    member str
    instance ?str 5+
    protocol_type str
    protocols []
      name str
      metadata bytes
    reason ?str 8+
  response
    throttle_ms i32 2+
    error i16
    generation i32
    protocol_type ?str 7+
    protocol ?7str
    leader str
    skip_assignment bool 9+
    member str
    members []
      member str
      instance ?str 5+
      metadata bytes

Heartbeat 12 flexible 4
  request
    group str
    generation i32
    member str
    instance ?str 3+
  response
    throttle_ms i32 1+
    error i16

LeaveGroup 13 flexible 4
  request
    group str
    member str 0-2
    members [] 3+
      member str
      instance ?str
      reason ?str 5+
  response
    throttle_ms i32 1+
    error i16
    members [] 3+
      member str
      instance ?str
      error i16

SyncGroup 14 flexible 4
  request
    group str
    generation i32
    member str
    instance ?str 3+
    protocol_type ?str 5+
    protocol ?str 5+
    assignments []
      member str
      assignment bytes
  response
    throttle_ms i32 1+
    error i16
    protocol_type ?str 5+
    protocol ?str 5+
    assignment bytes

DescribeGroups 15 flexible 5
  request
    groups []str
    include_operations bool 3+
  response
    throttle_ms i32 1+
    groups []
      error i16
      error_message ?str 6+
      group str
      state str
      protocol_type str
      protocol str
      members []
        member str
        instance ?str 4+
        client_id str
        client_host str
        metadata bytes
        assignment bytes
      operations i32 3+

ListGroups 16 flexible 3
  request
    states []str 4+
    types []str 5+
  response
    throttle_ms i32 1+
    error i16
    groups []
      group str
      protocol_type str
      state str 4+
      type str 5+

DeleteGroups 42 flexible 2
  request
    groups []str
  response
    throttle_ms i32
    results []
      group str
      error i16

OffsetDelete 47 flexible 999
  request
    group str
    topics []
      name str
      partitions []
        index i32
  response
    error i16
    throttle_ms i32
    topics []
      name str
      partitions []
        index i32
        error i16

ConsumerGroupHeartbeat 68 flexible 0
  request
    group str
    member str
    epoch i32
    instance ?str
    rack ?str
    rebalance_timeout_ms i32
    topics ?[]str
    regex ?str 1+
    assignor ?str
    owned ?[]
      topic_id uuid
      partitions []i32
  response
    throttle_ms i32
    error i16
    error_message ?str
    member ?str
    epoch i32
    interval_ms i32
    assignment ?{}
      partitions []
        topic_id uuid
        partitions []i32

ConsumerGroupDescribe 69 flexible 0
  request
    groups []str
    include_operations bool
  response
    throttle_ms i32
    groups []
      error i16
      error_message ?str
      group str
      state str
      epoch i32
      assignment_epoch i32
      assignor str
      members []
        member str
        instance ?str
        rack ?str
        epoch i32
        client_id str
        client_host str
        topics []str
        regex ?str
        assignment {}
          partitions []
            topic_id uuid
            topic str
            partitions []i32
        target {}
          partitions []
            topic_id uuid
            topic str
            partitions []i32
        type i8 1+
      operations i32
"""


class Field:
    """One field: in which versions it stands, from which on it may be null, and its shape."""

    def __init__(self, name, type_text, versions):
        self.name = name
        self.null_from = None
        if type_text.startswith("?"):
            digits = type_text[1:]
            number = digits[: len(digits) - len(digits.lstrip("0123456789"))]
            self.null_from = int(number or 0)
            type_text = digits[len(number):]
        self.is_array = type_text.startswith("[]")
        self.type = type_text[2:] if self.is_array else type_text
        if self.is_array and not self.type:
            self.type = "{}"
        self.first, self.last = 0, 999
        if versions.endswith("+"):
            self.first = int(versions[:-1])
        elif versions:
            low, _, high = versions.partition("-")
            self.first, self.last = int(low), int(high or low)
        self.fields = []

    def stands_in(self, version):
        return self.first <= version <= self.last

    def may_be_null(self, version):
        return self.null_from is not None and version >= self.null_from


class Api:
    """One API: its key, its first flexible version, its two messages as lists of fields."""

    def __init__(self, name, key, flexible):
        self.name, self.key, self.flexible = name, key, flexible
        self.request, self.response = [], []


def _parse(text):
    apis, stack = {}, []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        if depth == 0:
            api = Api(words[0], int(words[1]), int(words[3]))
            apis[api.name] = api
            continue
        if depth == 1:
            stack = [getattr(api, words[0])]
            continue
        field = Field(words[0], words[1], words[2] if len(words) > 2 else "")
        del stack[depth - 1:]
        stack[-1].append(field)
        stack.append(field.fields)
    return apis


APIS = _parse(TEXT)
