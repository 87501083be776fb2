// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "bpf/lib/conn.h"
#include "bpf/lib/pool.h"

/* A forward entry as the doors drive it. */
struct rig {
	uint32_t state, flags;
};

static void sees(struct rig *r, uint8_t tcp, int reply, int sure)
{
	r->flags |= conn_tcp_marks(tcp, reply, sure);
	r->state = conn_tcp_state(r->state, r->flags, tcp, reply);
}

enum { CLIENT = 0, SERVER = 1 };

static struct rig opened(void)
{
	struct rig r = { CONN_SYN, 0 };

	sees(&r, TCP_SYN, CLIENT, 1);
	assert_int_equal(r.state, CONN_SYN);
	sees(&r, TCP_SYN | TCP_ACK, SERVER, 1);
	assert_int_equal(r.state, CONN_OPEN);
	return r;
}

static void one_fin_closes_nothing(void **state)
{
	struct rig r = opened();
	int i;

	sees(&r, TCP_FIN | TCP_ACK, CLIENT, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(r.state, CONN_OPEN);
		assert_false(conn_is_over(r.flags));
		sees(&r, TCP_FIN | TCP_ACK, CLIENT, 1); /* again: lost and repeated */
		sees(&r, TCP_ACK, SERVER, 1);
	}
	sees(&r, TCP_FIN | TCP_ACK, SERVER, 1);
	assert_true(conn_is_over(r.flags));
	assert_int_equal(r.state, CONN_CLOSING);
}

static void nothing_brings_an_ended_connection_back(void **state)
{
	static const uint8_t tcp[] = { TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_FIN, 0 };
	struct rig r = opened();
	size_t i;

	sees(&r, TCP_FIN, SERVER, 1);
	sees(&r, TCP_FIN, CLIENT, 1);
	for (i = 0; i < sizeof(tcp); i++) {
		sees(&r, tcp[i], CLIENT, 1);
		sees(&r, tcp[i], SERVER, 1);
		assert_int_equal(r.state, CONN_CLOSING);
	}
}

static void a_reset_from_its_own_door_ends_at_once(void **state)
{
	struct rig r = opened();

	sees(&r, TCP_RST, SERVER, 1);
	assert_true(conn_is_over(r.flags));
	assert_int_equal(r.state, CONN_CLOSING);
	assert_true(conn_is_dead_payload(r.flags, 1));
	assert_false(conn_is_dead_payload(r.flags, 0));
}

static void a_reset_from_the_network_must_be_believed_by_the_client(void **state)
{
	struct rig r = opened();

	sees(&r, TCP_RST, SERVER, 0);
	assert_false(conn_is_over(r.flags));
	assert_int_equal(r.state, CONN_CLOSING);
	assert_false(conn_is_dead_payload(r.flags, 1));
	assert_true(conn_idle_limit_ns(r.state, r.flags, PKT_TCP) ==
		    CONN_DOUBT_MS * CONN_NS_PER_MS);
	sees(&r, TCP_ACK, SERVER, 0);
	assert_int_equal(r.state, CONN_CLOSING);
	sees(&r, TCP_ACK, CLIENT, 1); /* it was forged: the client goes on */
	assert_int_equal(r.state, CONN_OPEN);
}

static void times_follow_the_state(void **state)
{
	const uint64_t s = 1000000000ull, now = 100000 * s;

	assert_false(conn_is_expired(CONN_SYN, 0, PKT_TCP, now - 59 * s, now));
	assert_true(conn_is_expired(CONN_SYN, 0, PKT_TCP, now - 61 * s, now));
	assert_false(conn_is_expired(CONN_OPEN, 0, PKT_TCP, now - 7200 * s, now));
	assert_true(conn_is_expired(CONN_OPEN, 0, PKT_TCP, now - 7801 * s, now));
	assert_true(conn_is_expired(CONN_CLOSING, CONN_RST, PKT_TCP, now - 11 * s, now));
	assert_false(conn_is_expired(CONN_OPEN, 0, PKT_UDP, now - 59 * s, now));
	assert_true(conn_is_expired(CONN_OPEN, 0, PKT_UDP, now - 61 * s, now));
	/* a packet of the moment, stamped by another CPU a little later than now */
	assert_false(conn_is_expired(CONN_SYN, 0, PKT_TCP, now + s, now));
}

static void only_a_syn_on_an_ended_tuple_reopens_it(void **state)
{
	struct pkt p = { .key = { .proto = PKT_TCP }, .tcp_flags = TCP_SYN };

	assert_true(conn_reopens(CONN_CLOSING, &p));
	assert_false(conn_reopens(CONN_OPEN, &p));
	p.tcp_flags = TCP_SYN | TCP_ACK;
	assert_false(conn_reopens(CONN_CLOSING, &p));
	p.key.proto = PKT_UDP;
	assert_false(conn_reopens(CONN_CLOSING, &p));
}

static void both_entries_point_at_each_other(void **state)
{
	struct conn_open o = { .key = { .sport = 1, .dport = 2, .proto = PKT_TCP },
			       .from_port = 3,
			       .to_port = 4,
			       .flags = CONN_RESERVED,
			       .fwd_door = 5,
			       .rep_redirect = 5 };
	struct conn_key reply_key, out, back;
	struct conn fwd, rep;

	o.key.src = ip16_from_v4(1);
	o.key.dst = ip16_from_v4(2);
	o.from = ip16_from_v4(3);
	o.to = ip16_from_v4(4);
	conn_fill_forward(&fwd, &o);
	conn_fill_reply(&rep, &o);
	conn_reply_key(&o, &reply_key);
	assert_true(conn_key_eq(&fwd.peer, &reply_key));
	assert_true(conn_key_eq(&rep.peer, &o.key));
	conn_key_set(&out, &fwd.src, fwd.sport, &fwd.dst, fwd.dport, PKT_TCP);
	conn_key_reverse(&out, &back);
	assert_true(conn_key_eq(&back, &reply_key));
	conn_key_set(&out, &rep.src, rep.sport, &rep.dst, rep.dport, PKT_TCP);
	conn_key_reverse(&out, &back);
	assert_true(conn_key_eq(&back, &o.key));
	/* the reservation hangs on one of them */
	assert_int_equal(fwd.flags, CONN_RESERVED);
	assert_int_equal(rep.flags, CONN_REPLY);
	/* what one adds to a checksum the other takes away */
	assert_int_equal(csum_fold(csum_fold64((uint64_t)fwd.addr_delta + rep.addr_delta)), 0xffff);
	assert_int_equal(csum_fold(csum_fold64((uint64_t)fwd.port_delta + rep.port_delta)), 0xffff);
}

static void a_reservation_is_taken_off_once(void **state)
{
	struct conn c = { .flags = CONN_RESERVED | CONN_HAIRPIN };

	assert_true(conn_unreserve(&c));
	assert_false(conn_unreserve(&c));
	assert_int_equal(c.flags, CONN_HAIRPIN);
}

static void a_pool_never_exceeds_its_limit(void **state)
{
	struct cluster_state s = { 0 };
	int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(pool_reserve(&s, 4), i < 4 ? 0 : -1);
	assert_int_equal(s.open, 4);
	assert_int_equal(s.overflow, 6);
	pool_release(&s);
	assert_int_equal(pool_reserve(&s, 4), 0);
	assert_int_equal(pool_reserve(&s, WEFT_NO_LIMIT), 0);
	assert_int_equal(pool_reserve(&s, 0), -1);
	assert_int_equal(s.open, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_fin_closes_nothing),
		cmocka_unit_test(nothing_brings_an_ended_connection_back),
		cmocka_unit_test(a_reset_from_its_own_door_ends_at_once),
		cmocka_unit_test(a_reset_from_the_network_must_be_believed_by_the_client),
		cmocka_unit_test(times_follow_the_state),
		cmocka_unit_test(only_a_syn_on_an_ended_tuple_reopens_it),
		cmocka_unit_test(both_entries_point_at_each_other),
		cmocka_unit_test(a_reservation_is_taken_off_once),
		cmocka_unit_test(a_pool_never_exceeds_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
