"""A labelled set of secrets and look-alikes, as source that a person could have written.

What stands between ⟦ and ⟧ is a secret; all else is none. `<hex:32>` and the like are filled by a seeded generator, so that no string in here is one that
a scanner of this repository would have to be told about. Each line or block is a file of its own.
"""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

_ALPHABETS = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "up": string.ascii_uppercase + string.digits,
    "UP": string.ascii_uppercase,
    "low": string.ascii_lowercase + string.digits,
    "let": string.ascii_letters,
    "dig": string.digits,
}
_HOLE = re.compile(r"<([A-Za-z0-9]+)(?::(\d+))?>")

SECRETS = r"""
const client = new S3({ accessKeyId: "⟦AKIA<up:16>⟧", secretAccessKey: "⟦<b64:40>⟧" });
AWS.config.update({ accessKeyId: '⟦ASIA<up:16>⟧', region: 'eu-west-1' });
process.env.AWS_SECRET_ACCESS_KEY = process.env.AWS_SECRET_ACCESS_KEY || "⟦<b64:40>⟧";
export const octokit = new Octokit({ auth: "⟦ghp_<b62:36>⟧" });
const headers = { Authorization: `token ⟦gho_<b62:36>⟧` };
// old: github_token = ⟦github_pat_<b62:22>_<b62:59>⟧
const GITLAB = "⟦glpat-<url:20>⟧";
//npm.acme.io/:_authToken=⟦npm_<b62:36>⟧
const openai = new OpenAI({ apiKey: "⟦sk-<b62:20>T3BlbkFJ<b62:20>⟧" });
const openai = new OpenAI({ apiKey: '⟦sk-proj-<url:64>⟧' })
const anthropic = { key: "⟦sk-ant-api03-<url:80>AA⟧" };
const stripe = require("stripe")("⟦sk_live_<b62:24>⟧");
const stripe = new Stripe('⟦rk_test_<b62:32>⟧', { apiVersion: '2020-08-27' });
stripe.webhooks.constructEvent(body, sig, "⟦whsec_<b62:32>⟧");
const hub = await login("⟦hf_<let:34>⟧");
new WebClient("⟦xoxb-<dig:12>-<dig:12>-<b62:24>⟧");
await fetch("https://hooks.slack.com/services/⟦T<up:8>/B<up:8>/<b62:24>⟧", { method: "POST" });
const hook = "https://discord.com/api/webhooks/⟦<dig:18>/<url:68>⟧";
<script src={`https://maps.googleapis.com/maps/api/js?key=⟦AIza<url:35>⟧`} />
firebase.initializeApp({ apiKey: "⟦AIza<url:35>⟧", authDomain: "shop.firebaseapp.com", projectId: "shop" });
export const oauth = { client_secret: "⟦GOCSPX-<url:28>⟧" };
sgMail.setApiKey("⟦SG.<url:22>.<url:43>⟧");
const twilio = require('twilio')("AC<hex:32>", "", { keySid: "⟦SK<hex:32>⟧" });
const mailgun = mg({ apiKey: "⟦key-<hex:32>⟧", domain });
const mailchimp = "⟦<hex:32>-us14⟧";
const shop = new Shopify({ accessToken: "⟦shpat_<hex:32>⟧" });
const DO = "⟦dop_v1_<hex:64>⟧";
const bot = new TelegramBot("⟦<dig:10>:AA<url:33>⟧", { polling: true });
const linear = new LinearClient({ apiKey: "⟦lin_api_<b62:40>⟧" });
const conn = "DefaultEndpointsProtocol=https;AccountName=files;AccountKey=⟦<b64:86>==⟧;EndpointSuffix=core.windows.net";
const session = "⟦<jwt>⟧";
localStorage.setItem("jwt", '⟦<jwt>⟧')
headers: { Authorization: "Bearer ⟦<b62:40>⟧" },
req.setRequestHeader('Authorization', 'Basic ⟦<b64:32>⟧');
const auth = { authorization: `Bearer ⟦<hex:40>⟧` };
curl -H "Authorization: Bearer ⟦<url:48>⟧" https://api.acme.io
mongoose.connect("mongodb+srv://app:⟦<pw>⟧@cluster0.ab1cd.mongodb.net/shop?retryWrites=true");
const pool = new Pool({ connectionString: 'postgres://shop_admin:⟦<pw>⟧@db.internal:5432/shop' });
DATABASE_URL=mysql://root:⟦<pw>⟧@10.0.0.4:3306/app
const redis = createClient({ url: "redis://:⟦<pw>⟧@cache.prod.acme.io:6379" });
const amqp = `amqp://worker:⟦<pw>⟧@${host}/jobs`;
git clone https://deploy:⟦<b62:20>⟧@git.acme.io/shop.git
const sql = "Server=tcp:shop.database.windows.net,1433;User ID=app;Password=⟦<pw>⟧;Encrypt=True";
const db = { host: "10.1.2.3", user: "app", password: "⟦<pw>⟧" };
createConnection({ type: "mysql", username: 'app', password: '⟦<pw>⟧', database: 'shop' })
const PASSWORD = "⟦<pw>⟧";
const dbPassword: string = "⟦<pw>⟧";
private readonly adminPassword = '⟦<pw>⟧';
await login("admin@shop.test", { password: `⟦<pw>⟧` });
if (password === "⟦<pw>⟧") return true;
const passphrase = "⟦<pw>⟧";
export default { smtp: { user: "mailer", pass: "", password: "⟦<pw>⟧" } };
nodemailer.createTransport({ auth: { user: "mailer", pass: "⟦<pw>⟧" } });
MAIL_PASS=⟦<pw>⟧
const password = "⟦correcthorsebatterystaple⟧";
if (body.password !== '⟦<pw>⟧') throw new ForbiddenError();
this.token = this.token ?? "⟦<b62:40>⟧";
DB_PASSWORD=⟦<pw>⟧
SMTP_PASSWORD: ⟦<pw>⟧
  "password": "⟦<pw>⟧",
  "db_pwd" : "⟦<pw>⟧",
config["password"] = "⟦<pw>⟧";
const JWT_SECRET = "⟦<b62:32>⟧";
app.use(session({ secret: "⟦<b62:24>⟧", resave: false }));
jwt.sign(payload, process.env.JWT_SECRET || "⟦<url:43>⟧");
const secret = process.env.SESSION_SECRET ?? '⟦<hex:64>⟧';
const clientSecret = "⟦<url:40>⟧";
client_secret: '⟦<hex:40>⟧',
const API_KEY = "⟦<hex:32>⟧";
const apiKey = '⟦<b62:39>⟧'
private apiKey: string = "⟦<uuid>⟧";
const weather = new Client({ "api-key": "⟦<hex:32>⟧" });
axios.get(url, { headers: { "X-Api-Key": "⟦<b62:40>⟧" } });
const encryptionKey = "⟦<hex:64>⟧";
const signing_key = '⟦<b64:44>⟧';
const accessToken = "⟦<b62:40>⟧";
let refreshToken = '⟦<url:64>⟧';
const ACCESS_TOKEN: string = "⟦<dig:10>-<b62:40>⟧";
authToken: "⟦<hex:32>⟧",
const config = { token: "⟦<b62:32>⟧" };
bot.login({ token: "⟦M<b62:23>.<b62:6>.<url:38>⟧" });
const MAPBOX_TOKEN = "⟦<b62:60>⟧";
const privateKey = "⟦0x<hex:64>⟧";
const PRIVATE_KEY = "⟦<hex:64>⟧";
module.exports = { mnemonic: "⟦<words>⟧" };
const storage = { accountKey: "⟦<b64:86>==⟧" };
const masterKey = "⟦<b62:40>⟧";
API_KEY=⟦<b62:32>⟧
STRIPE_SECRET: ⟦<b62:32>⟧
const s = { secretKey: '⟦<b62:40>⟧', publicKey: 'pk_<b62:24>' };
const credentials = "⟦<b62:32>⟧";
const maintainer = "⟦<low:5>.<low:6>@gmail.com⟧";
/** @author Some One <⟦<low:6>@<low:6>.de⟧> */
// Copyright (c) 2019 ⟦<low:4>_<low:4>@outlook.com⟧
const api = "http://⟦52.14.133.27⟧:8080/v1";
const host = '⟦34.201.9.110⟧';
""".strip().splitlines()

LOOK_ALIKES = r"""
const integrity = "sha512-<b64:86>==";
  "integrity": "sha1-<b64:27>=",
const commit = "<hex:40>";
// fixed in <hex:40>
const etag = '"<hex:32>"';
const md5 = "<hex:32>"; const sha256 = '<hex:64>';
expect(hash("abc")).toBe("<hex:64>");
const id = "<uuid>";
export const NAMESPACE = '<uuid>';
const userId: string = "<hex:24>";
const requestToken = uuid(); const tokenId = "<uuid>";
it("keeps the token", () => expect(token).toBe("<uuid>"));
const address = "0x<hex:40>";
const tokenAddress = "0x<hex:40>";
const token = "0x<hex:40>";
const publicKey = "<b64:88>";
const PUBLIC_KEY = `-----BEGIN PUBLIC KEY-----\n<b64:64>\n-----END PUBLIC KEY-----`;
const cert = "-----BEGIN CERTIFICATE-----\n<b64:64>\n<b64:64>\n-----END CERTIFICATE-----";
if (pem.includes("-----BEGIN PRIVATE KEY-----")) throw new Error("private");
const header = "-----BEGIN RSA PRIVATE KEY-----";
const logo = "data:image/png;base64,iVBORw0KGgo<b64:120>";
const font = "d09GMgABAAAAA<b64:200>";
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJ<b64:80>
const password = "password";
const password = "";
const password = "********";
const password = process.env.DB_PASSWORD;
const password = process.env.DB_PASSWORD || "";
const password = config.get("db.password");
password: yup.string().required("Password is required"),
password: "Your password must have 8 characters",
label: "Password", type: "password", name: "password",
<input type="password" placeholder="Enter your password" />
const passwordField = document.querySelector("#password-input-2");
const PASSWORD_REGEX = "^(?=.*[A-Z])(?=.*\\d).{8,}$";
const errors = { password: "password.too_short", token: "token.invalid" };
case "invalid-password": return "auth/wrong-password";
const passwordHash = "$2b$10$<b62:53>";
const password = "<your-password>";
const password = "${DB_PASSWORD}";
const password = `${user}-${salt}`;
const password = "changeme123";
const password = "example-password-1";
login("user", "test1234"); const password = "test1234";
password: 'dummy-Passw0rd',
const testPassword = "fake-p4ssw0rd!";
const password = "password123";
postgres://user:password@localhost:5432/db
postgres://user:${PASSWORD}@localhost/db
const url = `https://${user}:${password}@host/path`;
const url = "https://user:pass@example.com/";
const u = "http://localhost:3000/a:b@c";
const u = "http://example.com:8080/@scope/pkg";
fetch("https://packages.acme.io/@scope%2fname/-/name-1.0.0.tgz");
const doc = "scheme://<user>:<password>@<host>:<port>";
const apiKey = "YOUR_API_KEY";
const apiKey = "your-api-key-here-12345";
const apiKey = "<API_KEY>";
const apiKey = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const apiKey = "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
const apiKey = "sk-...";
const apiKey = getApiKey("OPENAI_API_KEY");
const API_KEY_HEADER = "x-api-key";
const apiKeyName = "X-Acme-Api-Key-V2";
const key = "AKIAIOSFODNN7EXAMPLE";
const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const token = "abc123";
const token = "test-token-1234567890";
const token = "mock-access-token-01";
const accessToken = "fake-access-token";
const token = tokens[index]; const next = scanner.token;
const TokenType = { Identifier: "Identifier1", StringLiteral: "StringLiteral2" };
token: "punctuation.definition.string.begin.ts",
{ token: "keyword.control.flow-2", foreground: "ff00ff11" },
const tokenColor = "#a1b2c3d4";
const designToken = "color-background-accent-blue-500";
nextPageToken: "CAUQAA<b62:20>",
const csrfToken = "<b62:32>";
const cancelToken = axios.CancelToken.source();
const SyntaxToken = "EqualsGreaterThanToken42";
const INJECTION_TOKEN = new InjectionToken<string>("app.config.token.v2");
provide(SOME_TOKEN, "./services/some-token.service2");
const secretName = "prod/shop/database-2";
const secretArn = "arn:aws:secretsmanager:eu-west-1:<dig:12>:secret:shop-<b62:6>";
secret: "vault:kv/data/shop#password2",
secretRef: "op://vault/item/credential",
const secret = crypto.randomBytes(32).toString("hex");
const secret = "shhhhh";
const secrets = ["one", "two"];
const credentials: RequestCredentials = "same-origin";
fetch(url, { credentials: "include" });
const cacheKey = "user:profile:<uuid>";
const primaryKey = "order_id_2024_v1";
const foreignKey = "<hex:32>"; const partitionKey = "tenant#<uuid>";
const storageKey = "app.settings.theme.v12";
const i18nKey = "settings.password.reset.title2";
const keyboard = { key: "ArrowDown", code: "KeyK", keyCode: 40 };
const trackingId = "UA-<dig:8>-1"; const measurementId = "G-<up:10>";
const sentry = "https://<hex:32>@o123456.ingest.sentry.io/<dig:7>";
const publishable = "pk_live_<b62:24>"; const pk = 'pk_test_<b62:24>';
const hfModel = "hf_hub_download_cache_directory_v2_path_for_tests";
const skill = "sk-" + level; const cls = "sk-loading-indicator-wrapper-container";
const css = "sk-cube-grid-animation-delay-container-inner";
const xox = "xox-and-some-words";
const base = "eyJhbGciOiJIUzI1NiJ9";
expect(Object.keys(jwt)).toEqual(["header", "payload", "signature"]);
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const hexDigits = "0123456789abcdef0123456789abcdef";
const secretAlphabet = "abcdefghijkmnopqrstuvwxyz23456789";
const version = "10.15.7.2"; const node = "v20.11.1";
const assemblyVersion = "4.8.3752.0";
listen("0.0.0.0"); listen("127.0.0.1"); const lan = "192.168.1.20"; const dns = "8.8.8.8";
const doc = "203.0.113.9"; const net = "10.0.0.0/8";
@Component({ selector: "app" }) class A {}
import { a } from "@scope/pkg"; import b from "pkg@1.2.3";
const pkg = "lodash@4.17.21"; const img = "icon@2x.png";
const mail = "user@example.com"; const no = "noreply@acme.io"; const you = "you@domain.com";
git@github.com:acme/shop.git
const handle = "@someone"; const at = a@b;
const svg = "M10.5 3.2c1.1 0 2 .9 2 2s-.9 2-2 2-2-.9-2-2 .9-2 2-2z";
const query = "SELECT password, token FROM users WHERE id = $1";
throw new Error("Missing secret: set JWT_SECRET to a 32 character string");
console.log("token: ", token, "secret: ", secret);
const scopes = "openid profile email offline_access";
const grant = { grant_type: "client_credentials", token_type: "Bearer" };
headers: { Authorization: `Bearer ${token}` },
headers: { Authorization: "Bearer " + token },
headers: { Authorization: "Bearer <token>" },
headers: { Authorization: "Bearer invalid-token" },
const auth = "Basic realm=\"Access to the staging site\"";
const passwordPolicy = { minLength: 8, pattern: "upper1,lower1,digit1" };
type Password = Brand<string, "Password">;
export const RESET_PASSWORD = "user/RESET_PASSWORD";
router.post("/reset-password/:token2", handler);
const routes = { password: "/account/password2", token: "/oauth2/token" };
<FormField name="password" error={errors.password} id="password-1" />
const bypass = "level-42"; const compass: string = "north-3";
if (token === "end-of-line-2") return;
const passport = new Passport("local-strategy2"); const tokenized = "a1-b2-c3-d4-e5-f6-g7";
const accessKeyPath = "/etc/acme/keys/access-key-2.pem";
const secretKeyRef = { name: "app-secrets2", key: "database-url-1" };
throw new InvalidTokenError("token_expired_or_revoked_401");
const PASSWORD_RESET_TOKEN = "PASSWORD_RESET_TOKEN_V2";
const seedWords = "the quick brown fox jumps over the lazy dog again and again";
""".strip().splitlines()

_BLOCKS = (
    "const key = `-----BEGIN RSA PRIVATE KEY-----\n⟦<pem>⟧\n-----END RSA PRIVATE KEY-----`;\n",
    "export const pem = '-----BEGIN PRIVATE KEY-----\\n⟦<pemline>⟧\\n-----END PRIVATE KEY-----\\n';\n",
    'const key = [\n  "-----BEGIN EC PRIVATE KEY-----",\n  "⟦<b64:64>⟧",\n  "⟦<b64:64>⟧",\n  "⟦<b64:40>==⟧",\n  "-----END EC PRIVATE KEY-----",\n].join("\\n");\n',
    'const key = "-----BEGIN OPENSSH PRIVATE KEY-----\\n" +\n  "⟦<b64:70>⟧\\n" +\n  "⟦<b64:70>⟧\\n" +\n  "-----END OPENSSH PRIVATE KEY-----";\n',
)


@dataclass(frozen=True)
class Case:
    text: bytes
    secrets: tuple[bytes, ...]
    spans: tuple[tuple[int, int], ...]
    bare: bool
    template: str


def cases(repetitions: int = 4, seed: int = 0) -> Iterator[Case]:
    """Each secret `repetitions` times with other random parts; look-alikes as often."""
    chance = random.Random(seed)
    for template in (*SECRETS, *_BLOCKS, *LOOK_ALIKES):
        for _ in range(repetitions if "<" in template else 1):
            yield _case(template, chance)


def _case(template: str, chance: random.Random) -> Case:
    marked = _HOLE.sub(lambda hole: _filled(hole[1], int(hole[2] or 0), chance) or hole[0], template)
    text = b""
    spans, secrets = [], []
    for number, piece in enumerate(re.split("[⟦⟧]", marked)):
        content = piece.encode()
        if number % 2:
            spans.append((len(text), len(text) + len(content)))
            secrets.append(content)
        text += content
    return Case(text, tuple(secrets), tuple(spans), bool(re.match(r"^[A-Z_]+(?:=|: )", template)), template)


def _filled(kind: str, length: int, chance: random.Random) -> str:
    match kind:
        case "pw":
            return _password(chance)
        case "uuid":
            return "-".join("".join(chance.choices(_ALPHABETS["hex"], k=count)) for count in (8, 4, 4, 4, 12))
        case "jwt":
            parts = (b'{"alg":"HS256","typ":"JWT"}', f'{{"sub":"{chance.getrandbits(40)}","iat":{chance.getrandbits(31)}}}'.encode())
            return ".".join(
                [*(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts), "".join(chance.choices(_ALPHABETS["url"], k=43))]
            )
        case "words":
            return " ".join("".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 8))) for _ in range(12))
        case "pem":
            return (
                "\n".join("".join(chance.choices(_ALPHABETS["b64"], k=64)) for _ in range(12))
                + "\n"
                + "".join(chance.choices(_ALPHABETS["b64"], k=20))
                + "=="
            )
        case "pemline":
            return "\\n".join("".join(chance.choices(_ALPHABETS["b64"], k=64)) for _ in range(6))
        case _ if kind in _ALPHABETS:
            return "".join(chance.choices(_ALPHABETS[kind], k=length))
    return ""


def _password(chance: random.Random) -> str:
    """As people make them: a word, digits, perhaps a sign; or random ones. None of the signs ends a URL's password."""
    word = chance.choice(["Sunshine", "dragon", "Winter", "shop", "Berlin", "monkey", "Kraken", "letmein", "blue", "Summer"])
    match chance.randrange(4):
        case 0:
            return f"{word}{chance.randint(10, 9999)}"
        case 1:
            return f"{word}{chance.choice('!+*~')}{chance.randint(10, 999)}"
        case 2:
            return "".join(chance.choices(_ALPHABETS["b62"], k=chance.randint(10, 24))) + str(chance.randint(0, 9))
        case _:
            return word.replace("e", "3").replace("i", "1").replace("o", "0") + f"{chance.randint(1, 99)}" + chance.choice("!*~")
