//! SSM parameters that hold an address.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use lifeboat_domain::CallClass;
use lifeboat_domain::observed::Parameter;
use lifeboat_domain::ports::{Answer, ReadParameters, WriteParameters};

const READ: &str = "ssm:GetParameter";
const WRITE: &str = "ssm:PutParameter";

/// The parameters of one Region.
#[derive(Debug, Clone)]
pub struct Parameters {
    client: Client,
}

impl Parameters {
    /// Parameters as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl ReadParameters for Parameters {
    async fn read_parameter(&self, name: &str) -> Answer<Option<Parameter>> {
        let output = match self.client.get_parameter().name(name).with_decryption(false).send().await {
            Ok(output) => output,
            Err(error) => {
                let error = call_error(READ, &error);
                return if error.class == CallClass::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let parameter = output.parameter.ok_or_else(|| invalid(READ, "Parameter", format!("the answer about {name} holds none")))?;
        let kind = parameter.r#type.ok_or_else(|| invalid(READ, "Type", format!("{name} has none")))?;
        Ok(Some(Parameter { value: parameter.value.unwrap_or_default(), kind: kind.as_str().to_owned() }))
    }
}

impl WriteParameters for Parameters {
    async fn overwrite_parameter(&self, name: &str, value: &str) -> Answer<()> {
        // Without a type the parameter keeps its own, and one that is gone is not made anew.
        let request = self.client.put_parameter().name(name).value(value).overwrite(true);
        request.send().await.map(|_| ()).map_err(|error| call_error(WRITE, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Wire, error_json};
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_parameter_is_read_without_decryption_and_a_missing_one_is_none() {
        let found = json!({"Parameter": {"Name": "/orders/host", "Type": "String", "Value": "old.example", "Version": 3}}).to_string();
        let missing = error_json("ParameterNotFound", "no");
        let wire = Wire::answering(&[(200, &found), (400, &missing)]);
        let parameters = wire.clients().await.parameters();
        let read = parameters.read_parameter("/orders/host").await.unwrap().unwrap();
        assert_eq!((read.value.as_str(), read.kind.as_str()), ("old.example", "String"));
        assert_eq!(parameters.read_parameter("/orders/host").await.unwrap(), None);
        assert_eq!(wire.json()[0], json!({"Name": "/orders/host", "WithDecryption": false}));
    }

    #[tokio::test(start_paused = true)]
    async fn a_parameter_is_overwritten_and_keeps_its_type() {
        let busy = error_json("TooManyUpdates", "another update");
        let wire = Wire::answering(&[(200, r#"{"Version":4,"Tier":"Standard"}"#), (400, &busy)]);
        let parameters = wire.clients().await.parameters();
        parameters.overwrite_parameter("/orders/host", "new.example").await.unwrap();
        assert_eq!(wire.json()[0], json!({"Name": "/orders/host", "Value": "new.example", "Overwrite": true}));
        let error = parameters.overwrite_parameter("/orders/host", "new.example").await.unwrap_err();
        assert_eq!(error.class, CallClass::Throttled, "it is written once the other update is through: {error}");
    }
}
