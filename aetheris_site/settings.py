"""Settings of the shipped project, read from the environment (`AETHERIS_*`, see docs/configuration.md)."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.celery_defaults import transport_options

from . import profile

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(profile.text("AETHERIS_VAR") or BASE_DIR / "var")
PROFILE = profile.profile()

SECRET_KEY = profile.secret(VAR)
DEBUG = profile.flag("AETHERIS_DEBUG", False)
ALLOWED_HOSTS = profile.words(
    "AETHERIS_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver" if PROFILE == "dev" else ""
)
INSTALLED_APPS = [
    "aetheris_site.apps.SiteConfig",
    "ledger.apps.LedgerConfig",
    "jobs.apps.JobsConfig",
    "forensics.apps.ForensicsConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "aetheris_site.security.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "aetheris_site.urls"
ASGI_APPLICATION = "aetheris_site.asgi.application"
WSGI_APPLICATION = "aetheris_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": profile.database(profile.text("AETHERIS_DATABASE_URL") or f"sqlite:///{VAR / 'db.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = profile.text("AETHERIS_BROKER_URL") or f"aetheris+files://{VAR / 'broker'}"
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(CELERY_BROKER_URL)
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
LOGIN_URL = "aetheris_console:login"
STATIC_URL = "static/"
# Without a build step the files are served from where they lie; `collectstatic` fills the folder for production.
STATIC_ROOT = VAR / "static" if PROFILE == "prod" or (VAR / "static").exists() else None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PROFILE == "prod":
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

globals().update(profile.email(profile.text("AETHERIS_EMAIL_URL")))
if _from := profile.text("AETHERIS_EMAIL_FROM"):
    DEFAULT_FROM_EMAIL = _from

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jobs.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "aetheris_site.errors.problem",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Aetheris",
    "DESCRIPTION": "A durable, replayable and auditable runtime for AI agents.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api",
}

AETHERIS: dict[str, object] = {"AGENTS": ["examples.refund", *profile.words("AETHERIS_AGENTS")]}
AETHERIS["SIGNING_KEY"] = profile.signing_key(VAR)
AETHERIS["ARCHIVE_FOLDER"] = profile.text("AETHERIS_ARCHIVE_FOLDER") or str(VAR / "archive")
AETHERIS["EXPORT_FOLDER"] = profile.text("AETHERIS_EXPORT_FOLDER") or str(VAR / "exports")
if _redaction := profile.document("AETHERIS_REDACTION"):
    AETHERIS["REDACTION"] = _redaction
if _secrets := profile.document("AETHERIS_SECRETS"):
    AETHERIS["SECRETS"] = _secrets
if _policy := profile.text("AETHERIS_SECRET_POLICY"):
    AETHERIS["SECRET_POLICY"] = _policy
if _encryption := profile.document("AETHERIS_ENCRYPTION"):
    AETHERIS["ENCRYPTION"] = _encryption
if _origin := profile.text("AETHERIS_LOG_ORIGIN"):
    AETHERIS["LOG_ORIGIN"] = _origin
if _keys := profile.words("AETHERIS_LOG_KEYS"):
    AETHERIS["LOG_KEYS"] = _keys
if _anchors := profile.words("AETHERIS_ANCHORS"):
    AETHERIS["ANCHORS"] = _anchors
if _audit := profile.text("AETHERIS_AUDIT_ACCESS"):
    AETHERIS["AUDIT_ACCESS"] = _audit
if "AETHERIS_VERIFY_EVERY" in os.environ:  # empty means never
    AETHERIS["VERIFY_EVERY"] = profile.text("AETHERIS_VERIFY_EVERY")
if _retention := profile.listed("AETHERIS_RETENTION"):
    AETHERIS["RETENTION"] = _retention
if _notify := profile.document("AETHERIS_NOTIFY"):
    AETHERIS["NOTIFY"] = _notify
if _proxies := profile.number("AETHERIS_TRUSTED_PROXIES"):
    AETHERIS["TRUSTED_PROXIES"] = int(_proxies)
if _ttl := profile.number("AETHERIS_LEASE_TTL"):
    AETHERIS["LEASE_TTL"] = _ttl
if _drain := profile.number("AETHERIS_DRAIN"):
    AETHERIS["DRAIN"] = _drain
if _models := profile.document("AETHERIS_MODELS"):
    AETHERIS["MODELS"] = _models

if PROFILE == "prod":
    profile.refuse_unsafe(globals())
