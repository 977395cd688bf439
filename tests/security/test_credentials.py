from __future__ import annotations

import pytest

from modelpact.security.credentials import is_secret_name

NAMES = """api_key apikey api-key apiKey APIKey ApiKey API_KEY x-api-key X-Api-Key x_api_key xApiKey api.key model.api_key
openai_api_key OPENAI_API_KEY OpenAIApiKey openaiapikey openai_key azure_key subscription-key Ocp-Apim-Subscription-Key
authorization Authorization AUTHORIZATION proxy-authorization Proxy-Authorization bearer_token bearer token TOKEN access_token
accessToken access-token auth_token authToken x-auth-token X-Auth-Key id_token refresh_token session_token HF_TOKEN hfToken
github_token X-Amz-Security-Token csrf-token api_token api_tokens access_tokens authtoken accesstoken secret secrets client_secret
clientSecret secret_key SECRET_KEY aws_secret_access_key secret_access_key AWS_ACCESS_KEY shared_access_key password Password
passwd db_password dbPassword PGPASSWORD userpassword passphrase passcode db_pass smtp_pwd credential credentials Credentials
google_application_credentials creds private_key privateKey ssh_key signing_key encryption_key master_key account_key license_key
cookie Cookie set-cookie cookies jwt basic_auth api_keys apikeys api_key_2 token1 api_key2 token_value secret_string""".split()  # noqa: SIM905


LOOK_ALIKES = """max_tokens maxTokens token_count tokenizer tokenize tokens stop_tokens token_type token_ids eos_token pad_token
bos_token unk_token pad_token_id cost_per_token monkey keyboard primary_key foreign_key public_key sort_key job_key key keys keyed
author authors author_name authority authorized authored_by authorization_url auth auth_type authentication author_key
password_file password_length secretary secretion secret_name api_key_env api_key_header api_key_name key_file keypoints
api_version api base_url token_url cookiecutter cookie_policy pass passenger bypass compass passes pwd bearing forbearance
credentialed access_level private secret_scan signature model name seed x-request-id content-type user-agent temperature
1 é""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", [*NAMES, "Api Key", "api key", "proxy authorization"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [*LOOK_ALIKES, "", " ", "-"])
def test_names_that_only_resemble_secrets(name: str) -> None:
    assert not is_secret_name(name)
