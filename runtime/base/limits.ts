// Every bound of the system, each with its unit, what it protects and where
// it is enforced. A number that limits something stands here or nowhere.

/** Values up to this size live with their owner; larger ones in the store. */
export const INLINE_VALUE_BYTES_MAX = 100 * 1024;

/** How deep a value may nest; enforced by the value codec. */
export const VALUE_DEPTH_MAX = 1_000;

/** A link's ring, per direction. */
export const RING_BYTES = 256 * 1024;

/** From this size the bytes of a value travel beside a frame's CBOR. */
export const ATTACHMENT_BYTES_MIN = 4 * 1024;

/** Longest bytes beside a frame: a value that is not in the store. */
export const ATTACHMENT_BYTES_MAX = 1024 * 1024;

/** Frames longer than this go through a ring in parts. */
export const RING_PART_BYTES_MAX = 64 * 1024;

/** Tasks pushed to one executor and not yet answered, per link. */
export const CLAIM_WINDOW = 1_024;

/** How long a thread watches its mailbox before it parks. */
export const SPIN_US_MAX = 50;

/** Threads of one node that run user code. */
export const THREADS_MAX = 4_096;

/** How long the output of a dead process is waited for. */
export const CHILD_OUTPUT_MS_MAX = 100;

/** How long a child without a connection may take to end. */
export const CHILD_END_MS_MAX = 1_000;

/** Lines that are told of a child that did not come up. */
export const CHILD_LAST_LINES = 5;

/** How often a child with a limit looks how much memory it uses. */
export const CHILD_MEMORY_EVERY_MS = 50;

/** Child processes of a node: each takes 40 to 100 MB. */
export const CHILDREN_MAX = 256;

/** Those of a job that run leases without CPU: nothing else bounds them. */
export const CHILDREN_WITHOUT_CPU_MAX = 32;

/**
 * Threads whose tasks all wait, before those take other tasks; as many as
 * there are CPUs if that is more. Each costs memory and hops between threads.
 */
export const WAITING_THREADS_MAX = 2;

/** Light actors on one shared thread. */
export const SHARED_ACTORS_PER_THREAD_MAX = 16_384;

/** Share of the machine's memory that the object store takes by default. */
export const STORE_MEMORY_FRACTION = 0.3;

/** A demand that no node can hold is reported after this time. */
export const INFEASIBLE_WARNING_MS = 10_000;

/**
 * Largest amount of one resource: 10 TB where the resource is bytes. Whole
 * amounts up to here stay exact as units of 1/10000 in a double.
 */
export const RESOURCE_AMOUNT_MAX = 1e13;

/** Leases that one owner asks for in one scheduling class. */
export const LEASES_WANTED_MAX = 1_024;

/** Tasks pushed on one lease and not yet answered; half a claim table. */
export const PUSHED_TASKS_PER_LEASE_MAX = 512;

/** How long an owner keeps an idle lease, in case more work comes. */
export const LEASE_LINGER_MS = 20;

/** For what runs under a lease that is over to end, before it is stopped. */
export const LEASE_OVER_GRACE_MS = 500;

/** How long a thread may take to answer that it stops; then it is forced. */
export const THREAD_STOP_ASK_MS = 20;

/** How long stopping a thread may take before the caller goes on without. */
export const THREAD_STOP_MS_MAX = 3_000;

/** How long a thread may take to tell the inspector which one it is. */
export const THREAD_SEEN_MS_MAX = 200;

/** Longest life of an inspector session; no thread starts meanwhile. */
export const THREAD_INTERRUPT_MS_MAX = 500;

/** Sessions for a thread that does not stop, a second apart. */
export const THREAD_INTERRUPT_TRIES_MAX = 10;

/** Buffers from this size go beside a value's CBOR, copied only once. */
export const OUT_OF_LINE_BYTES_MIN = 1_024;

/** Largest value, laid out: what one shared memory segment can hold. */
export const VALUE_BYTES_MAX = 4 * 1024 * 1024 * 1024 - 64 * 1024;

/** The codec keeps a scratch buffer up to this size between values. */
export const VALUE_SCRATCH_BYTES_KEPT = 1024 * 1024;

/** Errors in a chain of causes, the first included; protects the stack. */
export const ERROR_DEPTH_MAX = 16;

/** Errors that travel as causes or parts of one error, itself included. */
export const ERROR_PARTS_MAX = 256;

/** Characters of an error's message, and of its stack, that travel. */
export const ERROR_TEXT_CHARACTERS_MAX = 64 * 1024;

/** Bytes of one error's own fields that travel; larger ones are left out. */
export const ERROR_FIELDS_BYTES_MAX = 256 * 1024;

/**
 * For an actor that nobody holds to end by itself: what it still runs was
 * cancelled, and has this long to clean up.
 */
export const ACTOR_RETIRE_MS_MAX = 1_000;

/** A handle may be ahead of the news that its actor is being made so long. */
export const ACTOR_NEWS_MS_MAX = 1_000;

/** Calls of one thread on one actor that are sent and not answered. */
export const ACTOR_CALLS_UNDER_WAY_MAX = 4_096;

/** Calls to a thread that is gone wait so long for news of its actor, in ms. */
export const ACTOR_OUT_OF_REACH_MS = 20_000;

/** Calls that a thread collects before it sends them within a turn. */
export const CALLS_UNSENT_MAX = 128;

/** How long a call waits for others when the turn goes on. */
export const CALL_WAIT_MS_MAX = 1;

/** Strings up to this length travel without the value codec. */
export const PRIMITIVE_STRING_CHARACTERS_MAX = 1_024;

/** Longest line of user output in one piece, in UTF-16 units. */
export const OUTPUT_LINE_CHARS_MAX = 64 * 1024;

/** Items of a stream that a thread can have stored and died untold. */
export const STREAM_ITEMS_LOST_MAX = 64;

/** Items of one stream; numbers for them are set aside when it starts. */
export const STREAM_ITEMS_MAX = 2 ** 24;

/** Leases that run at a time on one thread, all below 1 CPU; scheduler. */
export const LEASES_PER_THREAD_MAX = 64;

/** Leases of one node, blocked ones included; the scheduler's memory. */
export const LEASES_PER_NODE_MAX = 1_000_000;

/** Actors of one node, waiting ones included; the scheduler's memory. */
export const ACTORS_PER_NODE_MAX = 1_000_000;

/** Placement groups of one node: each one that waits is tried again. */
export const GROUPS_PER_NODE_MAX = 100_000;

/** Scheduling classes with a demand; the scheduler looks at each of them. */
export const CLASSES_MAX = 10_000;

/** Of one owner: all of its demands are ranked anew with every lease. */
export const CLASSES_PER_OWNER_MAX = 1_000;

/** A lease is not asked back for fairness alone before this time. */
export const LEASE_QUANTUM_MS = 100;

/** Who waits this long with nothing running goes before all others. */
export const STARVATION_MS = 500;

/** A first try at keeping room for a large demand; doubled every time. */
export const RESERVATION_MS = 1_000;

/** An owner is asked again for a lease that it should return. */
export const RECLAIM_REPEAT_MS = 1_000;

/** After a thread failed to start, none is started for this time. */
export const THREAD_START_PAUSE_MS = 1_000;

/** What an owner keeps to make lost objects again; the oldest goes first. */
export const LINEAGE_BYTES_MAX = 128 * 1024 * 1024;

/** What one task takes of that beside its arguments, roughly. */
export const LINEAGE_RECORD_BYTES = 512;

/** How often a reader is sent to a place in the store that is empty. */
export const LOST_READS_MAX = 4;

/** An actor fails when this many threads for it have not started. */
export const THREAD_START_ATTEMPTS_MAX = 3;

/** Ended owners and removed groups that late messages may still name. */
export const IDS_REMEMBERED_MAX = 4_096;

/** State changes that the scheduler keeps for the story of a failure. */
export const STORY_ENTRIES_MAX = 4_096;

/** Results that an executor collects before it sends them. */
export const RESULTS_UNSENT_MAX = 64;

/** How long results wait for more when another task is begun. */
export const RESULTS_UNSENT_MS_MAX = 0.1;

/** Smallest shared memory segment; smaller ones cost more than they hold. */
export const SEGMENT_BYTES_MIN = 64 * 1024;

/** Largest shared memory segment: what one SharedArrayBuffer may have. */
export const SEGMENT_BYTES_MAX = 4 * 1024 * 1024 * 1024;

/** Creates that wait for room in a node's store; more are refused. */
export const CREATES_WAITING_MAX = 4_096;

/** How long the oldest create waits before smaller ones may pass it. */
export const STORE_OVERTAKE_MS = 1_000;

/** A full store has all threads collect garbage this often at first. */
export const STORE_GARBAGE_INTERVAL_MS = 50;

/** The same when collecting has not helped for a while: it costs CPU. */
export const STORE_GARBAGE_INTERVAL_MS_MAX = 3_200;

/** The same when nothing but a collection can give room. */
export const STORE_GARBAGE_ONLY_HOPE_MS = 200;

/** So much of a store kept by views on freed objects is looked for. */
export const STORE_GARBAGE_FRACTION = 1 / 8;

/** A segment that nobody reused for so long is given back to the system. */
export const STORE_POOL_IDLE_MS = 30_000;

/** A dropped segment counts as used until collected, or for so long. */
export const STORE_DRAIN_MS_MAX = 2_000;

/** How often a node looks at the clock while something waits for time. */
export const NODE_TICK_MS = 50;

/** Task events that a node keeps for `timeline()`; the oldest go first. */
export const TIMELINE_EVENTS_MAX = 100_000;

/** Runs of the bundler until modules that import each other are complete. */
export const SLICE_ROUNDS_MAX = 16;

/** The bundler's child process stops after this time without work. */
export const BUNDLER_IDLE_MS = 500;

/** How long a thread takes messages in before its event loop turns. */
export const TURN_MS_MAX = 10;

/** Lines of output that travel in one message. */
export const OUTPUT_LINES_PER_MESSAGE_MAX = 256;

/** How long a listing waits for busy threads, and for distant drivers. */
export const TASKS_GIVEN_MS_MAX = 500;

/** Task events that an executor collects before it sends them. */
export const TASK_EVENTS_PER_MESSAGE_MAX = 512;

/** Characters of an error's name or message that are kept for listings. */
export const STATE_MESSAGE_CHARACTERS_MAX = 256;

/** Characters of the name of a task that is listed. */
export const STATE_NAME_CHARACTERS_MAX = 128;

/** Bytes that the nodes together tell in one answer, which is one message. */
export const STATE_PART_BYTES_MAX = 12 * 1024 * 1024;

/** Tasks without an outcome, or running, that a thread lists: one message. */
export const STATE_OPEN_TASKS_MAX = 10_000;

/** Attempts that a thread remembers of which only it can tell; a few MiB. */
export const STATE_LOST_ATTEMPTS_MAX = 2_048;

/** Objects that a node lists: more than anybody reads. */
export const STATE_OBJECTS_MAX = 10_000;

/** Milliseconds that a listing waits for what other nodes know. */
export const STATE_NODE_MS_MAX = 2_000;

/** Whoever asks in a terminal waits so long for an answer. */
export const ANSWER_MS_MAX = 15_000;

/** Items of a listing by default, as with Ray. */
export const STATE_ITEMS_DEFAULT = 100;

/** Requests to a store that are seen to be missing before one that came. */
export const REQUESTS_MISSING_MAX = 4_096;

/** How long a writer watches for the store's answer before it copies. */
export const STORE_ANSWER_US_MAX = 500;

/** How long equal lines of output are counted before the count is shown. */
export const OUTPUT_FOLD_MS = 5_000;

/** Lines of output that are remembered to fold their repeats. */
export const OUTPUT_FOLD_LINES_MAX = 1_024;

/** Longer lines of output are not folded, to bound what is remembered. */
export const OUTPUT_FOLD_LINE_CHARS_MAX = 4_096;

/** Frames that a session sends ahead of acks; what a receiver reorders. */
export const SESSION_WINDOW_FRAMES = 256;

/** Frames that wait for their ack in a session; then senders must wait. */
export const SESSION_FRAMES_QUEUED_MAX = 16_384;

/** A session sends again what was not acknowledged; doubled every time. */
export const SESSION_RESEND_MS = 200;

/** The longest time between two tries to reach a peer. */
export const SESSION_RESEND_MS_MAX = 5_000;

/** A peer that was not heard of for so long is dead to its session. */
export const SESSION_SILENCE_MS_MAX = 30_000;

/** How long one node waits until it is connected to another, in ms. */
export const NODE_CONNECT_MS_MAX = 10_000;

/** Who could not reach a node and is asked to again, tries no sooner. */
export const NODE_REDIAL_MS = 1_000;

/** One of two nodes dials for so long, then the other one: twice fits in. */
export const NODE_DIAL_MS_MAX = 4_000;

/** Size of one log file of a thread; it and the one before are kept. */
export const OUTPUT_LOG_BYTES_MAX = 16 * 1024 * 1024;

/** Lines that leave a thread on their own in one turn; then in batches. */
export const OUTPUT_LINES_AT_ONCE_MAX = 64;

/** Output that waits to leave a thread before its user code must wait. */
export const OUTPUT_BACKLOG_BYTES_MAX = 1024 * 1024;

/** Output that waits for a driver to read it before more is skipped. */
export const OUTPUT_UNREAD_BYTES_MAX = 16 * 1024 * 1024;

/** How long a driver's end waits for the last output of busy threads. */
export const OUTPUT_DRAIN_MS_MAX = 50;

/** How long the packages of a runtime environment may take to install. */
export const PACKAGES_INSTALL_MS_MAX = 600_000;

/** The end of an installer's output that an error shows, in characters. */
export const INSTALLER_OUTPUT_CHARS_MAX = 8_192;

/** Environments, or groups, that one remote function is called in at a time. */
export const CALLER_TEMPLATES_MAX = 64;

/** Longest delay of a timer, in milliseconds: what runtimes can count. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** How long a node watches for the answer to one call of a connection. */
export const ANSWER_WATCH_US_MAX = 120;

/**
 * How long an executor watches for the next call of a connection where one
 * follows another: until its answer has gone over two sockets and the driver
 * has called again, on a slow machine.
 */
export const CALL_WATCH_US_MAX = 600;

/** What is relayed in a turn and may be a lone call, in bytes. */
export const LONE_CALL_BYTES_MAX = 256;

/** Watches in vain, one after another, before they are mostly skipped. */
export const SPIN_MISSES_MAX = 4;

/** A thread that has yielded for longer, in µs, was displaced by another. */
export const SPIN_DISPLACED_US = 20;

/** How often a watch may be displaced before it ends. */
export const SPIN_DISPLACED_MAX = 2;

/** A discouraged watch is tried again once in so many times. */
export const SPIN_RETRY_EVERY = 64;

/**
 * What a second copy of a large value costs, in bytes per microsecond: it goes
 * to fresh memory and back. A writer sleeps no longer than that for room.
 */
export const COPY_BYTES_PER_US = 500;

/** Nor longer than this: its event loop stands still. */
export const STORE_ROOM_MS_MAX = 50;

/** An idle thread that holds what others own collects its garbage then. */
export const IDLE_GARBAGE_MS = 500;

/** The same after collecting has freed nothing a few times: it costs CPU. */
export const IDLE_GARBAGE_MS_MAX = 60_000;

/** A frame of a session: few enough to be fair, many enough to be cheap. */
export const REMOTE_FRAME_BYTES_MAX = 256 * 1024;

/** Longest CBOR of one flush over a connection; more is sent in several. */
export const REMOTE_PIECE_BYTES_MAX = 16 * 1024 * 1024;

/** Bytes beside the CBOR of one flush over a connection. */
export const REMOTE_ATTACHED_BYTES_MAX = 64 * 1024 * 1024;

/** What a stream may have under way until its reader grants more. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;

/** What a relay puts into a stream's queue before it waits. */
export const STREAM_QUEUED_BYTES_MAX = 256 * 1024;

/** Streams of one session, those included that are granted and not open. */
export const REMOTE_STREAMS_MAX = 65_536;

/** Frames of a session that are sent and not acknowledged: kept for breaks. */
export const SESSION_UNACKED_BYTES_MAX = 8 * 1024 * 1024;

/** A session over a channel that loses nothing acknowledges every so often. */
export const SESSION_ACK_EVERY_FRAMES = 8;

/** How long an ack waits for a frame to travel with. */
export const SESSION_ACK_DELAY_MS = 20;

/** A channel on which nothing was heard for so long is replaced. */
export const CHANNEL_STALL_MS_MAX = 10_000;

/** First pause before a broken connection is tried again; then doubled. */
export const RECONNECT_MS = 50;

/** Longest pause between two tries to connect. */
export const RECONNECT_MS_MAX = 2_000;

/** How long one try to connect may take, the handshake included. */
export const CONNECT_MS_MAX = 10_000;

/** How long a new connection may say nothing. */
export const HANDSHAKE_MS_MAX = 10_000;

/** How long an orderly end waits for what was sent to be acknowledged. */
export const GOODBYE_MS_MAX = 2_000;

/** A timer later than this was not late: its thread did not run. */
export const THREAD_LATE_MS_MAX = 1_000;

/** Longest message that a channel takes in: a frame with its header. */
export const CHANNEL_MESSAGE_BYTES_MAX = REMOTE_FRAME_BYTES_MAX + 1024;

/** What a channel holds that its peer does not read, before it breaks. */
export const CHANNEL_BUFFERED_BYTES_MAX = 32 * 1024 * 1024;

/** Longest token that is looked at, in characters. */
export const TOKEN_CHARACTERS_MAX = 1_024;

/** How deep messages nest: none does more than a few levels. */
export const MESSAGE_DEPTH_MAX = 32;

/** Work that an owner without claims sends ahead, in milliseconds of it. */
export const PUSH_AHEAD_MS_MAX = 5;

/** How long a driver's connection waits at its end for what is still said. */
export const DRIVER_LEAVE_MS_MAX = 2_000;

/** Longest bundle that crosses a connection: it travels in one message. */
export const CODE_BYTES_MAX = 32 * 1024 * 1024;

/** Drivers of one node, those included whose connection is broken. */
export const SESSIONS_MAX = 1_024;

/** How often a node looks whether a driver without a connection lives. */
export const PEER_LIVES_EVERY_MS = 1_000;

/** Objects are written to disk in files of about this size. */
export const SPILL_FILE_BYTES_MAX = 100 * 1024 * 1024;

/** Small objects in one spill file; bounds what one event leads to. */
export const SPILL_FILE_OBJECTS_MAX = 1_024;

/** A file takes at most this share of the store: room comes in portions. */
export const SPILL_STORE_FRACTION = 1 / 16;

/** Room that new objects leave to those that come back, in such files. */
export const SPILL_RESERVE_PORTIONS = 2;

/** For so long after a shortage, room is made before anybody waits for it. */
export const SPILL_AHEAD_MS = 200;

/** One call to the system writes so much of a spill file. */
export const SPILL_IO_BYTES_MAX = 16 * 1024 * 1024;

/** One call to the system reads so much, while the last part is checked. */
export const SPILL_READ_BYTES_MAX = 4 * 1024 * 1024;

/** One call to the system copies so much of a file for a child process. */
export const LOAN_IO_BYTES_MAX = 16 * 1024 * 1024;

/** Spill files that are being written at a time. */
export const SPILL_WRITES_MAX = 2;

/** Objects that are being read back from disk at a time. */
export const SPILL_READS_MAX = 4;

/** Spill files that are kept open to read from. */
export const SPILL_FILES_OPEN_MAX = 64;

/** No more is spilled to a disk that is so full; as in Ray. */
export const SPILL_DISK_USE_MAX = 0.95;

/** After a failed write the next one is tried so much later; then doubled. */
export const SPILL_PAUSE_MS = 100;

/** The longest pause between two tries to write to a disk that fails. */
export const SPILL_PAUSE_MS_MAX = 1_000;

/** Tries to read an object back before its readers are told. */
export const SPILL_READ_TRIES_MAX = 3;

/** An owner that does not answer is not counted on after this time. */
export const SPILL_RECALL_MS = 50;

/** Garbage that is being looked for is waited for before a write. */
export const STORE_GARBAGE_ANSWER_MS = 20;

/** Memory that spilling has freed is given back when unused for so long. */
export const STORE_SPILL_POOL_IDLE_MS = 1_000;

/** Who waits for room fails when nothing at all has happened for so long. */
export const STORE_FULL_MS = 10_000;

/** The same where somebody has failed already, and the disk takes nothing. */
export const STORE_STILL_FULL_MS = 1_000;

/** Pages that are given back to the system at once: a few milliseconds. */
export const MEMORY_RETURN_BYTES_MAX = 16 * 1024 * 1024;

/** How long a node may take to close its files before it is stopped. */
export const NODE_END_MS_MAX = 500;

/** Work is stopped when more of the memory is used; as in Ray. */
export const MEMORY_USE_MAX = 0.95;

/** How often the use of memory is looked at while threads run; as in Ray. */
export const MEMORY_REFRESH_MS = 250;

/** While nothing runs it is looked at so much less often. */
export const MEMORY_IDLE_REFRESHES = 4;

/** Below the threshold by so much of the memory, stopping ends; as in Ray. */
export const MEMORY_STOP_BUFFER_FRACTION = 0.05;

/** The most that this buffer is. */
export const MEMORY_STOP_BUFFER_BYTES_MAX = 3 * 1024 ** 3;

/** How long threads may take to collect garbage before any is stopped. */
export const MEMORY_COLLECT_MS = 400;

/** Collecting costs CPU: how long it is not tried again. */
export const MEMORY_COLLECT_PAUSE_MS = 10_000;

/** After a stopped thread has ended, its memory may take so long to go. */
export const MEMORY_SETTLE_MS = 1_000;

/** How long a stopped thread, and its memory, is waited for at most. */
export const MEMORY_STOP_MS_MAX = 10_000;

/** Use that has changed by less of the memory has not changed. */
export const MEMORY_MOVE_FRACTION = 0.02;

/** Idle threads that hold less are not worth stopping. */
export const MEMORY_IDLE_BYTES_MIN = 16 * 1024 * 1024;

/** A thread's own needs, beyond the `memory` of what runs on it. */
export const MEMORY_THREAD_BYTES = 32 * 1024 * 1024;

/** A task that was stopped for its memory runs again after this; doubled. */
export const MEMORY_RETRY_MS = 1_000;

/** The longest such pause; as in Ray. */
export const MEMORY_RETRY_MS_MAX = 60_000;

/** Files with tokens, certificates and records of nodes; the rest is not read. */
export const PRIVATE_FILE_BYTES_MAX = 64 * 1024;

/** How long a daemon may take until it listens or has failed. */
export const DAEMON_START_MS_MAX = 30_000;

/** How long a node may take to end in an orderly way, before it is killed. */
export const DAEMON_STOP_MS_MAX = 10_000;

/** Logs of nodes that were killed: the newest are kept. */
export const DEAD_NODE_LOGS_MAX = 4;

/** Bytes of a daemon's log that are shown when it cannot start. */
export const LOG_TAIL_BYTES_MAX = 4 * 1024;

/** A piece of an object on a connection: as the longest attachment. */
export const OBJECT_CHUNK_BYTES_MAX = ATTACHMENT_BYTES_MAX;

/** Pieces of objects under way to a reader that has not taken them. */
export const OBJECT_CHUNKS_MAX = 16;

/** From this size on objects are worth a file between near processes. */
export const CHUNK_FILE_OBJECT_BYTES_MIN = 4 * 1024 * 1024;

/** Such a file goes when nothing was sent through it for so long. */
export const CHUNK_FILE_IDLE_MS = 1_000;

/**
 * Objects that a remote driver reads at a time, and that it writes: each has
 * memory of the store that cannot go to disk meanwhile.
 */
export const REMOTE_TRANSFERS_MAX = 16;

/** The same in bytes for what it writes, unless one object has more. */
export const REMOTE_WRITE_BYTES_MAX = 128 * 1024 * 1024;

/** Readers that one copy of an object serves at a time: the rest wait. */
export const OBJECT_READERS_MAX = 2;

/** Who fails so often with all that have an object has it by the home. */
export const OBJECT_VAIN_SOURCES_MAX = 2;

/** An object that no node has announced is waited for so long. */
export const OBJECT_ANNOUNCED_MS = 10_000;

/** Who waits for an object is looked after this often. */
export const OBJECT_TICK_MS = 1_000;

/** An announcement that comes so long after the object was freed is known. */
export const OBJECT_FREED_KEPT_MS = 30_000;

/** Bytes that a node pulls from others at a time, unless one object has more. */
export const PULL_BYTES_MAX = 256 * 1024 * 1024;

/** Tries to pull an object: the last ones outlive the finding of a death. */
export const PULL_TRIES_MAX = 9;

/** From a try that failed to the next of the same source; then doubled. */
export const PULL_RETRY_MS = 100;

/** The longest time between two tries. */
export const PULL_RETRY_MS_MAX = 2_000;

/** Memory that a remote driver keeps for its next objects, as it had before. */
export const LOCAL_MEMORY_KEPT_BYTES_MAX = 2 * 1024 * 1024 * 1024;

/** The same is given back when no object needed it for so long, or twice. */
export const LOCAL_MEMORY_IDLE_MS = 1_000;

/** So often a driver looks for large garbage; then less often. */
export const LOCAL_GARBAGE_MS = 2_000;

/** Fresh memory of so many bytes costs more than looking for garbage. */
export const LOCAL_GARBAGE_BYTES_MIN = 32 * 1024 * 1024;

/** A file changed so far ahead of the clock was timed by another clock. */
export const FILE_TIME_AHEAD_MS_MAX = 10_000;

/** Characters of an id in a message; ours have 14. */
export const MESSAGE_ID_CHARACTERS_MAX = 64;

/** Characters of a name or another text in a message to a node. */
export const MESSAGE_TEXT_CHARACTERS_MAX = 256 * 1024;

/** Items of one list in a message to a node. */
export const MESSAGE_ITEMS_MAX = 65_536;

/** Characters of a text in the first message of a connection. */
export const HELLO_TEXT_CHARACTERS_MAX = 1_024;

/** How long an executor waits for a bundle of another node, in ms. */
export const BUNDLE_FETCH_MS_MAX = 30_000;

/** A node tells the head what has changed at most this often. */
export const NODE_REPORT_MS = 100;

/** A node tells the head how it is at least this often. */
export const NODE_REPORT_MS_MAX = 1_000;

/** A node of which nothing was heard for so long is declared dead. */
export const NODE_SILENCE_MS_MAX = 4_000;

/** What a tick of the head's clock counts at most: the rest it was asleep. */
export const NODE_TICK_GAP_MS_MAX = 500;

/** The head tells nodes of one another at most this often. */
export const NODE_VIEWS_MS = 100;

/** And at least this often, however many there are, if one has changed. */
export const NODE_VIEWS_MS_MAX = 1_000;

/** Views per millisecond that the head sends, over all nodes: 5 % of a core. */
export const NODE_VIEWS_PER_MS = 100;

/** Dead nodes that the head remembers and lists: the latest. */
export const DEAD_NODES_MAX = 1_000;

/** A node that is to leave ends what it runs by then, or without it. */
export const NODE_DRAIN_MS_MAX = 30_000;

/** How long a new node waits for a head that is not there. */
export const NODE_JOIN_MS_MAX = 20_000;

/** How long a node whose head has gone waits for one to join again. */
export const NODE_REJOIN_MS_MAX = 120_000;

/** A head that was started again waits so long for its nodes to come back. */
export const HEAD_NODES_AWAITED_MS = 7_000;

/** The longest pause of a node between two tries to reach its head again. */
export const HEAD_REDIAL_MS_MAX = 500;

/** How long a call that only the head can answer waits for one. */
export const HEAD_CALL_MS_MAX = 60_000;

/** What the head has kept is told to a node that often, or after so many. */
export const HEAD_TAKEN_EVERY_MS = 200;
export const HEAD_TAKEN_EVERY = 64;

/** A head knows so long what has ended: news of it may be late till then. */
export const HEAD_GONE_KEPT_MS = 60_000;

/** How long a server of a head's state may take to let it in. */
export const STATE_CONNECT_MS_MAX = 5_000;

/** How often a connection to such a server is tried again. */
export const STATE_RETRY_EVERY_MS = 500;

/** What such a server has not kept by then counts as not kept. */
export const STATE_COMMIT_MS_MAX = 2_000;

/** The node waits so long for its main thread, which asks at most twice. */
export const STATE_ANSWER_MS_MAX = 3 * STATE_COMMIT_MS_MAX;

/** Another head may have a state that its holder has not renewed for so long. */
export const STATE_HELD_MS = 10_000;
export const STATE_RENEW_EVERY_MS = 2_500;

/** What a head could not keep is tried again after that, if not before. */
export const STATE_KEEP_AGAIN_MS = 1_000;

/** How often such a node looks. */
export const NODE_JOIN_PAUSE_MS = 250;

/** What waits at a node without room for so long may go to another one. */
export const SPREAD_MOVE_MS = 300;

/** Nodes looked at for one event, summed over demands that may move. */
export const SPREAD_LOOKS_MAX = 16_384;

/** The longest time between two moves that have led to nothing. */
export const SPREAD_MOVE_MS_MAX = 10_000;

/** A node that seems to have room and gives nothing is left after so long. */
export const SPREAD_STUCK_MS = 2_000;

/** A node that was left, or has refused, is not asked again for so long. */
export const SPREAD_AVOID_MS = 5_000;

/** An owner without any lease tries one node more; then twice as long. */
export const SPREAD_STARVING_MS = 2_000;

/** The longest time until the next node is tried. */
export const SPREAD_STARVING_MS_MAX = 30_000;

/** A node that nobody has heard of may join so late before work for it fails. */
export const SPREAD_UNKNOWN_MS = 1_000;

/** Nodes of a cluster, dead ones that are remembered included. */
export const NODES_MAX = 4_096;

/** Nodes that a node waits to hear of, since somebody has named them. */
export const NODES_UNKNOWN_MAX = 64;
/** Nodes that may refuse an actor before it fails. */
export const ACTOR_PLACES_MAX = 3;

/** Nodes that seemed to have room for bundles set them aside in this time. */
export const GROUP_PREPARE_MS = 1_000;

/** Nodes that make room for bundles first may take so long; then doubled. */
export const GROUP_PATIENCE_MS = 5_000;

/** The longest time that nodes may take. */
export const GROUP_PATIENCE_MS_MAX = 30_000;

/** After an attempt that led to nothing, others go first for so long. */
export const GROUP_PAUSE_MS = 200;
/** Wrong tokens from one address, one after another, before it must wait. */
export const WRONG_TOKENS_MAX = 20;

/** After so long one more of them is let through, in milliseconds. */
export const WRONG_TOKENS_REFILL_MS = 1_000;

/** Addresses of which a node remembers whether their tokens were wrong. */
export const TOKEN_ADDRESSES_MAX = 4_096;
