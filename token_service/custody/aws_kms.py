"""Keys in AWS KMS (`ECC_SECG_P256K1`, usage SIGN_VERIFY): the digest goes there, a signature comes back, the key never moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from token_service.custody import curve
from token_service.errors import BadSettings, SignatureRejected, SignerUnavailable
from token_service.protocol.hashing import keccak256

ALGORITHM: Final = "ECDSA_SHA_256"
"""KMS's name for the curve's signatures; with MessageType DIGEST it hashes nothing itself."""
SECONDS: Final = 5
KEY_SPEC: Final = "ECC_SECG_P256K1"
POINT_HEAD: Final = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
"""How the DER form (SubjectPublicKeyInfo) of every secp256k1 key begins; its uncompressed point is the rest."""


@dataclass(slots=True)
class AwsKmsKey:
    """One KMS key. Region and credentials come from the ARN and from where boto3 looks for them."""

    key_id: str
    client: Any = field(repr=False)
    _address: str | None = None

    @classmethod
    def open(cls, key_id: str) -> AwsKmsKey:
        """Raises BadSettings for what is no ARN, or without boto3."""
        parts = key_id.split(":")
        if len(parts) < 6 or parts[0] != "arn" or parts[2] != "kms":
            raise BadSettings("a KMS key is named by its ARN: aws-kms:arn:aws:kms:REGION:ACCOUNT:key/ID")
        try:
            import boto3
            from botocore.config import Config
        except ModuleNotFoundError:
            raise BadSettings("keys in AWS KMS need boto3: pip install 'mereau[aws]'") from None
        patience = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"max_attempts": 2})
        return cls(key_id, boto3.client("kms", region_name=parts[3], config=patience))

    def address(self) -> str:
        if self._address is None:
            public: bytes = self._ask("get_public_key")["PublicKey"]
            if not public.startswith(POINT_HEAD):
                raise BadSettings(f"the KMS key is not an {KEY_SPEC} key")
            self._address = curve.address_of_point(public.removeprefix(POINT_HEAD))
        return self._address

    def sign(self, payload: bytes) -> bytes:
        digest = keccak256(payload)
        answer = self._ask("sign", Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM)
        r, s = numbers_of_der(answer["Signature"])
        signature = curve.from_numbers(r, s, digest, self.address())
        if signature is None:
            raise SignatureRejected("AWS KMS answered with another key's signature")
        return signature

    def _ask(self, operation: str, **arguments: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self.client, operation)(KeyId=self.key_id, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise SignerUnavailable(f"AWS KMS refused: {code}") from None
        except BotoCoreError as error:
            raise SignerUnavailable(f"AWS KMS does not answer: {type(error).__name__}") from None
        return answer


def numbers_of_der(der: bytes) -> tuple[int, int]:
    """r and s of an ECDSA-Sig-Value (RFC 3279). Raises SignatureRejected for anything else."""
    try:
        if der[0] != 0x30 or der[1] != len(der) - 2:
            raise ValueError
        r, rest = _integer(der[2:])
        s, rest = _integer(rest)
        if rest:
            raise ValueError
    except (IndexError, ValueError):
        raise SignatureRejected("AWS KMS answered with something that is no signature") from None
    return r, s


def _integer(der: bytes) -> tuple[int, bytes]:
    length = der[1]
    if der[0] != 0x02 or not 0 < length <= min(33, len(der) - 2):
        raise ValueError
    return int.from_bytes(der[2 : 2 + length], signed=True), der[2 + length :]
