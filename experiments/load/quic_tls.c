// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS of a QUIC connection.
 *
 * Theory of operation
 * -------------------
 * The server makes an ECDSA key on P-256 and signs a certificate for it with itself; its dates are
 * fixed, so that nothing in it depends on the machine's clock. The client looks at none of it: the
 * networks are ours, and what a check takes is nothing beside what the network takes. All random
 * numbers are the kernel's, which in a guest follow from the seed. There are no tickets, so each
 * handshake is a whole one.
 */

#include "experiments/load/quic_tls.h"

#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <string.h>

#define PROTOCOL "mpip-load"
#define NAME     "localhost"

/* As ngtcp2's own programs have them. */
#define PRIORITY                                                                                   \
	"%DISABLE_TLS13_COMPAT_MODE:NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"       \
	"+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"  \
	"+GROUP-SECP384R1:+GROUP-SECP521R1"

/* 2020 to 2099, in seconds since 1970. */
#define VALID_FROM  1577836800
#define VALID_UNTIL 4070908800

static int fail(int rc)
{
	fprintf(stderr, "TLS: %s\n", gnutls_strerror(rc));
	return -1;
}

static int sign_own(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	static const unsigned char serial[] = {1};
	int rc = gnutls_x509_privkey_generate(
		key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (rc == 0)
		rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc == 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (rc == 0)
		rc = gnutls_x509_crt_set_activation_time(crt, VALID_FROM);
	if (rc == 0)
		rc = gnutls_x509_crt_set_expiration_time(crt, VALID_UNTIL);
	if (rc == 0)
		rc = gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, NAME, strlen(NAME));
	if (rc == 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc == 0)
		rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return rc;
}

static int give_certificate(gnutls_certificate_credentials_t credentials)
{
	gnutls_x509_crt_t crt = NULL;
	gnutls_x509_privkey_t key = NULL;
	int rc = gnutls_x509_crt_init(&crt);
	if (rc == 0)
		rc = gnutls_x509_privkey_init(&key);
	if (rc == 0)
		rc = sign_own(crt, key);
	if (rc == 0)
		rc = gnutls_certificate_set_x509_key(credentials, &crt, 1, key);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return rc < 0 ? rc : 0;
}

int quic_tls_open(struct quic_tls *tls, bool server, ngtcp2_crypto_conn_ref *connection)
{
	gnutls_datum_t protocol = {(unsigned char *)PROTOCOL, sizeof(PROTOCOL) - 1};
	*tls = (struct quic_tls){0};
	int rc = gnutls_init(
		&tls->session, server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT);
	if (rc == 0)
		rc = gnutls_priority_set_direct(tls->session, PRIORITY, NULL);
	if (rc == 0)
		rc = server ? ngtcp2_crypto_gnutls_configure_server_session(tls->session)
			    : ngtcp2_crypto_gnutls_configure_client_session(tls->session);
	if (rc == 0)
		rc = gnutls_certificate_allocate_credentials(&tls->credentials);
	if (rc == 0 && server)
		rc = give_certificate(tls->credentials);
	if (rc == 0)
		rc = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
	if (rc == 0)
		rc = gnutls_alpn_set_protocols(tls->session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
	if (rc == 0 && !server)
		rc = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, NAME, strlen(NAME));
	if (rc != 0) {
		quic_tls_close(tls);
		return fail(rc);
	}
	gnutls_session_set_ptr(tls->session, connection);
	return 0;
}

void quic_tls_close(struct quic_tls *tls)
{
	if (tls->session)
		gnutls_deinit(tls->session);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	*tls = (struct quic_tls){0};
}
