/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HM_NET_H
#define HM_NET_H

/**
 * @file
 * The network: actors of other nodes, over a DPDK port.
 *
 *     actor ─▶ provider ─▶ batch ─▶ session ─▶ frame ─▶ port ═══▶ another node
 *              (protobuf)         (numbers,   (UDP, IPv4,
 *                                  acks)       Ethernet)
 *
 * A program names &hm_net_module among its modules:
 *
 *     static const struct hm_module *const modules[] = { &hm_net_module, NULL };
 *     const struct hm_config config = { .modules = modules };
 *
 * Options then say which port to use, and which peers to connect to:
 *
 *     --port NAME               ethdev to use, such as net_memif0; default: the first one
 *     --ip A.B.C.D/LEN          this node's address; required with --port or --peer
 *     --peer NAME@A.B.C.D[:UDP] node to keep a session with, by its --node and --ip; may be repeated. Nodes
 *                               that connect to this one need not be named. Default of UDP: --udp-port.
 *     --udp-port N              of this node, 17355
 *     --net-lcore N             index of the lcore that owns the port, 0
 *     --mtu N                   bytes of an IP packet, 1,500 or the port's maximum if that is less
 *     --udp-checksum            UDP checksums over memif, too; without it frames have none there
 *     --packet-crc on|off|auto  whether received packets need a CRC-32C; auto, the default: unless the port is memif or
 *                               net_ring, which copy from memory to memory, and --fault-corrupt is not given
 *     --rx-desc N, --tx-desc N  descriptors of the port's queues, 1,024
 *     --peer-timeout-ms N       a peer from which nothing was received for this time, or to which something was sent
 *                               that it has not acknowledged for so long, is lost, 1,000; the same for all nodes
 *     --peer-queue N            messages in the backlog of a peer, 8,192; more are dead letters
 *                               (node busy)
 *     --fault-drop, --fault-duplicate, --fault-reorder, --fault-corrupt N
 *                               fault injection: in N of 10,000 sent frames
 *     --fault-corrupt-bits N    bits flipped in a corrupted frame, 1
 *     --fault-delay-us N, --fault-seed N
 *
 * Without a port, an address and a peer the module stays idle.
 *
 * Guarantees: messages from one sender to one receiver arrive in order and at most once. Messages that
 * were not acknowledged when a peer is lost become dead letters; those that it has acknowledged and could not
 * deliver, since others before them were missing, become dead letters there. Invalid frames are counted and dropped.
 *
 * Limits: one port, one queue pair, one lcore; 64 peers; a message fits into a frame: --mtu less some 100.
 *
 * Who may call what: the inspect functions, any thread, as long as the system exists.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hm_provider.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The module, for hm_config.modules. */
extern const struct hm_module hm_net_module;

/** Peers of a node. */
#define HM_NET_PEERS_MAX 64u

/** Why a received frame was dropped. */
enum hm_net_drop {
	HM_NET_DROP_TRUNCATED = 0, /**< shorter than its headers say */
	HM_NET_DROP_FOREIGN,       /**< for another address, port or protocol */
	HM_NET_DROP_HEADER,        /**< an IPv4 or ARP header that is invalid */
	HM_NET_DROP_CHECKSUM,      /**< IPv4, UDP or ICMP checksum is wrong */
	HM_NET_DROP_FRAGMENT,      /**< a fragment of an IPv4 packet */
	HM_NET_DROP_GARBAGE,       /**< UDP to this node that is no frame of the session protocol */
	HM_NET_DROP_VERSION,       /**< of another protocol version */
	HM_NET_DROP_LENGTH,        /**< payload longer or shorter than the session header says */
	HM_NET_DROP_SESSION,       /**< session unknown, over, or forged */
	HM_NET_DROP_SOURCE,        /**< a session's id, from an address that is not its peer's */
	HM_NET_DROP_DUPLICATE,     /**< packet, or data, that was received before */
	HM_NET_DROP_WINDOW, /**< sequence beyond the credit given, or a packet number too old or too far ahead */
	HM_NET_DROP_ACK,    /**< acknowledges packets that were never sent, or is malformed */
	HM_NET_DROP_HANDSHAKE, /**< handshake that cannot be decoded, or is late or out of place */
	HM_NET_DROP_BATCH,     /**< not a protobuf batch; the messages before the error were delivered */
	HM_NET_DROP_MARTIAN,   /**< source address that no station has: multicast, broadcast, loopback, 0 */
	HM_NET_DROP_NO_FRAME,  /**< segmented frame, and no free buffer to linearize it */
	HM_NET_DROP_CRC,       /**< CRC of the packet is wrong */
	HM_NET_DROPS,          /**< count of the above */
};

/** State of the session with a peer. */
enum hm_net_peer_state {
	HM_NET_PEER_IDLE = 0, /**< no session, and this node does not request one */
	HM_NET_PEER_CALLING,  /**< this node sends HELLO and waits for the answer */
	HM_NET_PEER_ANSWERED, /**< the peer sent HELLO; waiting for its first packet after WELCOME */
	HM_NET_PEER_OPEN,     /**< messages can be sent and received */
};

/** Counters of a node's port, all since start-up. */
struct hm_net_stats {
	char port[64];            /**< name of the ethdev; empty: the module is idle */
	uint32_t mtu;             /**< bytes of an IP packet */
	bool link_up;             /**< as last seen */
	bool address_taken;       /**< another station uses this node's IP address */
	bool tx_checksum_offload; /**< the port fills in checksums */
	bool tx_udp_checksum;     /**< data frames have a UDP checksum; over memif only with --udp-checksum */
	bool rx_checksum_offload; /**< the port checks checksums */
	bool rx_crc;              /**< received packets need a CRC: --packet-crc */
	uint64_t rx_frames;       /**< received, those that were dropped included */
	uint64_t rx_bytes;        /**< of these, from the Ethernet header on */
	uint64_t tx_frames;       /**< that the port has taken */
	uint64_t tx_bytes;        /**< of these */
	uint64_t tx_held;         /**< frames that a full port did not take, counted again at each attempt */
	uint64_t tx_dropped;      /**< frames dropped because the port had no link */
	uint64_t rx_dropped[HM_NET_DROPS]; /**< by enum hm_net_drop */
	uint64_t arp_replies;     /**< ARP packets sent in answer, announcements in defence included */
	uint64_t echo_replies;    /**< pings answered */
	uint32_t rx_buffers_used; /**< receive buffers in use, those in the port's queue included */
	uint32_t tx_buffers_used; /**< buffers of frames to be sent, or sent and not acknowledged */
};

/** Counters of one peer, all since start-up. */
struct hm_net_peer_stats {
	char name[65];                   /**< its --node */
	uint32_t ip;                     /**< host byte order */
	uint16_t udp_port;               /**< host byte order */
	enum hm_net_peer_state state;    /**< of its session */
	uint64_t node;                   /**< id of its present incarnation; 0: none known */
	uint64_t rtt_ns;                 /**< smoothed round-trip time */
	uint64_t sessions;               /**< sessions that were opened */
	uint64_t lost;                   /**< sessions that ended: by peer timeout, BYE or a new handshake */
	uint64_t packets_sent;           /**< DATA packets, each counted once */
	uint64_t packets_retransmitted;  /**< DATA packets, each time counted */
	uint64_t packets_received;       /**< DATA packets, in any order, without duplicates */
	uint64_t messages_sent;          /**< that were put into packets */
	uint64_t messages_received;      /**< that were delivered here */
	uint32_t messages_backlogged;    /**< queued: no session, no credit or no buffer */
	uint32_t packets_unacknowledged; /**< DATA packets in flight */
};

/* ---- Inspect: any thread, the answer may be stale ------------------------- */

/**
 * Counters of the node's port.
 *
 * @param sys         the system
 * @param[out] stats  the counters; left alone on error
 * @return 0; -ENOENT: the system has no network module; -EINVAL: an argument is NULL
 *
 * Context: any thread. Does not block, allocates nothing. Not for the hot path: counting the buffers
 * reads the cache of every lcore.
 */
__attribute__((warn_unused_result))
int hm_net_stats(const struct hm_system *sys, struct hm_net_stats *stats);

/**
 * Number of peers known: configured by --peer, or learnt from their handshakes.
 *
 * @param sys  the system
 * @return the count; peers are numbered from 0; 0 without a network module, and if @p sys is NULL
 *
 * Context: any thread. Does not block, allocates nothing.
 */
uint32_t hm_net_peers(const struct hm_system *sys);

/**
 * Counters of a peer.
 *
 * @param sys         the system
 * @param peer        number of the peer, below hm_net_peers
 * @param[out] stats  the counters; left alone on error
 * @return 0; -ENOENT: no such peer, or no network module; -EINVAL: an argument is NULL
 *
 * Context: any thread. Does not block, allocates nothing.
 * Ordering: acquires NP1.
 */
__attribute__((warn_unused_result))
int hm_net_peer_stats(const struct hm_system *sys, uint32_t peer, struct hm_net_peer_stats *stats);

/**
 * Text of a reason.
 *
 * @param drop  any number
 * @return constant text; "unknown" for a number that is no reason; never NULL
 *
 * Context: any thread. Does not block, allocates nothing.
 * Ownership: the text is the library's, and stays for ever.
 */
const char *hm_net_drop_name(enum hm_net_drop drop);

#ifdef __cplusplus
}
#endif

#endif /* HM_NET_H */
