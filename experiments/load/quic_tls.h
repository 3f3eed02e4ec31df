/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXPERIMENTS_LOAD_QUIC_TLS_H
#define EXPERIMENTS_LOAD_QUIC_TLS_H

#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdbool.h>

/* TLS 1.3 for QUIC. */
struct quic_tls {
	gnutls_session_t session;
	gnutls_certificate_credentials_t credentials;
};

/* Makes a session whose connection is `connection`'s; a server's gets a new key and a certificate
 * by itself. 0, or -1 after a line on standard error. */
int quic_tls_open(struct quic_tls *tls, bool server, ngtcp2_crypto_conn_ref *connection);
void quic_tls_close(struct quic_tls *tls);

#endif
