// Verify a DSSE envelope with sigstore's own verifier, by a public key instead of a certificate.
// node sigstore.mjs <folder of node_modules> <envelope> <public key in PEM>; exit code 1 when it is refused.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.argv[2] + '/');
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

const envelope = JSON.parse(readFileSync(process.argv[3], 'utf8'));
const key = createPublicKey(readFileSync(process.argv[4]));
const bundle = bundleFromJSON({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: envelope.signatures[0].keyid }, tlogEntries: [] },
  dsseEnvelope: envelope,
});
const none = { tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
const material = toTrustMaterial({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', ...none }, () => ({
  publicKey: key,
  validFor: () => true,
}));
try {
  new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0, timestampThreshold: 0 }).verify(
    toSignedEntity(bundle),
  );
} catch (error) {
  if (error.code !== 'SIGNATURE_ERROR') throw error;
  console.error(error.code);
  process.exit(1);
}
